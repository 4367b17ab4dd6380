"""Switches of the simulated services; the defaults are the genuine behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from simulator.triggers import Seconds, Unusable


@dataclass(slots=True)
class Switches:
    """Sources: ../shared/bvbrc/protocol.md, sections 1 to 6 and 9."""

    # the wire
    traces: bool = True
    """AppService errors carry a Perl stack trace."""
    shuffle: bool = True
    """The order of keys is random."""
    latency: dict[str, Seconds] = field(default_factory=dict)
    """Time on the way to the service, by a pattern of the method (``start_app2``,
    ``Workspace.*``). It occupies no worker."""

    # the server (protocol.md 1.2: Starman)
    workers: int = 5
    """Calls that each service serves at a time; the others wait in order. 0: any number."""
    preflight_seconds: Seconds = field(default_factory=lambda: [0.4, 1.0])
    """Time for which ``start_app2`` occupies its worker before the job exists."""
    query_seconds: Seconds = 0.01
    """Time for which any other call occupies its worker."""

    # submissions
    enabled: bool = True
    message: str = ""
    """The second element of ``service_status``."""
    disabled_apps: list[str] = field(default_factory=list)
    status_file: bool = True
    """``service_status`` says "1" with a status file, 1 without."""
    check_inputs: bool = True
    """The preflight looks for input files in the Workspace. A fault of ``Workspace.get`` strikes
    that look too: then every input seems to be missing (captures 302 and 303)."""
    archive: bool = True
    """The preflight reaches the archive of reads; without it, ``srr_ids`` are refused."""
    max_params_bytes: int = 65_535
    oversize: str = "reject"
    """``reject`` or ``truncate``: what happens to longer parameters."""
    latin1_only: bool = True
    """Texts beyond latin-1 are refused without a reason."""

    # jobs
    submitted_word: str = "in-progress"
    """The status of a job handed to the cluster: ``in-progress`` or ``pending``."""
    max_submitted: int = 20
    """So many of a user's jobs are at the cluster at a time; 0: any number."""
    kill_lag_seconds: float = 2.0
    """A killed running job is shown as running for so long. Up to 120 at the service."""
    cancel_fails: bool = False
    tokens_expire_in_jobs: bool = True
    """A job whose token expires before its end fails, leaves no job_result, and cannot post its
    exit code."""
    check_seconds: float = 2.0
    """Until the scheduler's own check finds the end of a job that did not post its exit code. Up to
    120 at the service."""
    outputs: bool = True
    """Jobs write their results to the Workspace."""
    index_seconds: float = 0.0
    """From the end of an annotation until the data API shows its genome."""

    # queries
    qstat: bool = True
    """``enumerate_tasks_qstat`` exists."""
    owner_scoped: bool = False
    """``query_tasks`` shows the caller's own jobs only. The service shows all."""
    cache_seconds: float = 300.0
    """Age up to which listings and summaries come out of the cache."""
    signer_reachable: bool = True
    """The service can fetch the signer's public key."""

    # the user service
    password: str = "simulated"  # noqa: S105 - of users that do not exist
    """The password of every user."""
    renewed_seconds: float = 180 * 86_400.0
    """The lifetime of a renewed token."""
    renewed_user: str = ""
    """The user of a renewed token; empty: the caller."""
    renewed_kind: str = "valid"
    """A kind of ``tokens.KINDS``: a renewed token may be broken."""

    def update(self, values: Mapping[str, Any]) -> None:
        """Sets what ``values`` names; raises ``Unusable`` before anything is set."""
        for name, value in values.items():
            if name not in KINDS:
                raise Unusable(f"no switch {name!r}; there are {', '.join(sorted(KINDS))}")
            if not isinstance(value, ACCEPTED.get(KINDS[name], object)):
                raise Unusable(f"{name} is {KINDS[name]}, not {value!r}")
        for name, value in values.items():
            setattr(self, name, value)


KINDS: Mapping[str, str] = {each.name: str(each.type) for each in fields(Switches)}
"""The names of the switches to the annotations of their types."""
ACCEPTED: Mapping[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "Seconds": (int, float, list),
    "list[str]": (list,),
    "dict[str, Seconds]": (dict,),
}
