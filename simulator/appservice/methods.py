"""AppService's methods: submissions, queries by id, kills (protocol.md 1.6)."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from simulator.appservice import specs, views
from simulator.appservice.cache import Cache
from simulator.appservice.jobs import Asked, Job, Jobs
from simulator.http.rpc import RpcError, rotate_keys
from simulator.switches import Switches
from simulator.tokens import Identity

Json = Any

SCHEDULER_DB = "/opt/bvbrc/deploy/lib/Bio/KBase/AppService/SchedulerDB.pm line"
IMPL = "/opt/bvbrc/deploy/lib/Bio/KBase/AppService/AppServiceImpl.pm line"
DISABLED_PLACE = "/opt/bvbrc/deploy/lib/Bio/KBase/AppService/Util.pm line 160"
COLUMNS: Mapping[str, int] = {"base_url": 255, "user_metadata": 65_535}
"""What comes with a submission, to the bytes of its column; in strict SQL more is an error."""
REALMS = frozenset({"patricbrc.org", "bvbrc", "viprbrc.org", "rast.nmpdr.org"})
ALWAYS_SERVED = "olson@patricbrc.org"


@dataclass(slots=True)
class Service:
    """What the methods work on."""

    jobs: Jobs
    switches: Switches
    cache: Cache
    rng: random.Random
    now: Callable[[], float]
    size: Callable[[str, str], int | None]
    """The bytes of a Workspace object as a user's preflight sees it, None where it sees none."""
    url: str
    """Where the service is, without a slash at the end."""

    @property
    def order(self) -> random.Random | None:
        """What decides the order of keys; None: nothing does."""
        return self.rng if self.switches.shuffle else None


Method = Callable[[Service, Identity, list[Json]], list[Json]]
"""Takes the positional arguments, returns the return values; raises ``RpcError``."""


def argument(params: list[Json], index: int) -> Json:
    return params[index] if index < len(params) else None


def perl_text(value: Json) -> str:
    """A value as Perl prints it."""
    if isinstance(value, (dict, list)):
        return f"{'HASH' if isinstance(value, dict) else 'ARRAY'}(0x55a9328f9610)"
    return "" if value is None else str(value)


def check_arguments(method: str, line: int, **arguments: tuple[Json, type]) -> None:
    """Raises unless each named argument has its type; ``str`` means any scalar."""
    wrong = [
        f'\n\tInvalid type for argument "{name}" (value was "{perl_text(value)}")'
        for name, (value, kind) in arguments.items()
        if (isinstance(value, (dict, list)) if kind is str else not isinstance(value, kind))
    ]
    if wrong:
        text = f"Invalid arguments passed to {method}:{''.join(wrong)}\n"
        raise RpcError(text, place=f"{IMPL} {line}")


def service_status(service: Service, who: Identity, _params: list[Json]) -> list[Json]:
    up = service.switches.enabled or who.user == ALWAYS_SERVED
    shown = str(int(up)) if service.switches.status_file else int(up)
    return [[shown, service.switches.message]]


def enumerate_apps(_service: Service, _who: Identity, _params: list[Json]) -> list[Json]:
    return [list(specs.specifications().values())]


def version(_service: Service, _who: Identity, _params: list[Json]) -> list[Json]:
    return ["0.1.0"]


def start_app(service: Service, who: Identity, params: list[Json]) -> list[Json]:
    app, job_params = argument(params, 0), argument(params, 1)
    check_arguments("start_app", 600, app_id=(app, str), params=(job_params, dict))
    return [submit(service, who, app, job_params, {})]


def start_app2(service: Service, who: Identity, params: list[Json]) -> list[Json]:
    app, job_params, start_params = (argument(params, index) for index in range(3))
    check_arguments(
        "start_app2",
        683,
        app_id=(app, str),
        params=(job_params, dict),
        start_params=(start_params, dict),
    )
    return [submit(service, who, app, job_params, start_params)]


def submit(
    service: Service, who: Identity, app: Json, params: dict[str, Json], start: dict[str, Json]
) -> dict[str, Json]:
    """Checks and creates a job; answers its raw row."""
    switches = service.switches
    check_enabled(switches, who, [app])
    if app is None:
        raise RpcError("undef passed", place="/usr/share/perl5/IPC/Run.pm line 1337")
    check_row(service, who, str(app), params, start)
    specs.check_parameters(app, params)
    if switches.check_inputs:
        size = partial(service.size, who.user)
        specs.check_inputs(app, params, size, archive=switches.archive)
    return create_row(service, who, app, params, start)


def check_enabled(switches: Switches, who: Identity, params: list[Json]) -> None:
    """Raises unless submissions of the app, the first argument, are switched on."""
    off = argument(params, 0) in switches.disabled_apps
    if off or not (switches.enabled or who.user == ALWAYS_SERVED):
        raise RpcError("App service submissions are disabled\n", place=DISABLED_PLACE)


def check_row(
    service: Service, who: Identity, app: str, params: dict[str, Json], start: dict[str, Json]
) -> None:
    """What makes the service fail without saying why: among it, what its columns do not take."""
    parent = start.get("parent_id")
    known_parent = parent is None or service.jobs.get(decimal(parent)) is not None
    container = params.get("container_id") or start.get("container_id")
    realm = who.user.partition("@")[2] or "rast.nmpdr.org"
    texts = [perl_text(start.get(name)) for name in COLUMNS]
    fits = all(
        len(text.encode()) <= COLUMNS[name] for name, text in zip(COLUMNS, texts, strict=True)
    )
    if service.switches.latin1_only:
        fits = fits and all(map(fits_latin1, texts))
    if app not in specs.specifications() or container or not known_parent or realm not in REALMS:
        raise specs.refusal()
    if not fits:
        raise specs.refusal()


def create_row(
    service: Service, who: Identity, app: str, params: dict[str, Json], start: dict[str, Json]
) -> dict[str, Json]:
    """Inserts the row. Its text columns are short and may be latin-1."""
    asked = specs.preflight(app, params)
    stored = {**params, "_preflight": asked}
    text = json.dumps(stored, sort_keys=True, ensure_ascii=False)
    limits = service.switches
    if limits.latin1_only and not fits_latin1(text):
        raise specs.refusal()
    too_long = len(text) > limits.max_params_bytes // 4 and (
        len(json.dumps(stored, indent=3).encode()) > limits.max_params_bytes
    )
    if too_long and limits.oversize == "reject":
        raise specs.refusal()
    row = {
        "output_path": params.get("output_path"),
        "output_file": params.get("output_file"),
        "base_url": stored_text(start.get("base_url")),
        "parent_task": start.get("parent_id"),
        "user_metadata": stored_text(start.get("user_metadata")),
        "monitor_url": f"{service.url}/task_info",
        "req_memory": str(asked["memory"]),
        "req_cpu": str(asked["cpu"]),
        "req_runtime": str(asked["runtime"] or 3 * 86_400),
    }
    kept = {} if too_long else stored
    job = service.jobs.create(Asked(who.user, app, kept, row, who.expiry), service.now())
    shown = views.raw_row(job, text + "\n", specs.spec_text(app))
    return rotate_keys(shown, service.order)


def stored_text(value: Json) -> str | None:
    """A value in a column of text: Perl makes a text of a value of any type."""
    return None if value is None else perl_text(value)


LATIN1 = frozenset(bytes([octet]).decode("cp1252", "ignore") or chr(octet) for octet in range(256))
"""What MySQL calls latin1: Windows-1252, with the octets that are free there as control codes."""


def fits_latin1(text: str) -> bool:
    return text.isascii() or LATIN1.issuperset(text)


def number(value: Json) -> int:
    """An id as MySQL reads it: the digits it begins with."""
    digits = re.match(r"\s*(\d+)", str(value), re.ASCII)
    return int(digits[1]) if digits else -1


def query_tasks(service: Service, who: Identity, params: list[Json]) -> list[Json]:
    ids = argument(params, 0)
    check_arguments("query_tasks", 790, task_ids=(ids, list))
    now, switches, order = service.now(), service.switches, service.order
    check_digits(ids)
    found = {}
    for wanted in dict.fromkeys(decimal(each) for each in ids):
        job = service.jobs.get(wanted)
        if job and job.is_visible(now) and (not switches.owner_scoped or job.owner == who.user):
            found[str(job.id)] = rotate_keys(views.task(job, switches.submitted_word), order)
    return [found]


def check_digits(ids: list[Json]) -> None:
    """Perl's ``\\d`` takes digits of any script; to MariaDB, which gets them unquoted, those beyond
    ASCII are the name of a column."""
    for each in ids:
        if isinstance(each, str) and not each.isascii() and re.fullmatch(r"\d+", each):
            text = f"DBD::mysql::st execute failed: Unknown column '{each}' in 'where clause'"
            raise RpcError(text, place=f"{SCHEDULER_DB} 429")


def decimal(value: Json) -> int:
    """An id that is all digits, -1 for anything else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, (str, int)) and str(value).isascii() and str(value).isdigit():
        return int(value)
    return -1


def query_task_details(service: Service, _who: Identity, params: list[Json]) -> list[Json]:
    job_id = perl_text(argument(params, 0))
    if not re.fullmatch(r"[A-Za-z0-9_-]+", job_id):
        raise RpcError("Invalid task ID", place=f"{IMPL} 992")
    base = f"{service.url}/task_info/{job_id}"
    job = service.jobs.get(decimal(job_id))
    files = job.files if job else {}
    exit_files = {
        name: files[name].strip() for name in ("pid", "hostname", "exitcode") if name in files
    }
    return [{"stdout_url": f"{base}/stdout", "stderr_url": f"{base}/stderr", **exit_files}]


def kill_task(service: Service, who: Identity, params: list[Json]) -> list[Json]:
    job_id = argument(params, 0)
    check_arguments("kill_task", 1100, id=(job_id, str))
    return list(kill(service, who, job_id))


def kill_tasks(service: Service, who: Identity, params: list[Json]) -> list[Json]:
    ids = argument(params, 0)
    check_arguments("kill_tasks", 1150, ids=(ids, list))
    outcomes = {str(each): kill(service, who, each) for each in ids}
    return [{name: {"killed": done, "msg": text} for name, (done, text) in outcomes.items()}]


def kill(service: Service, who: Identity, job_id: Json) -> tuple[int, str]:
    """Whether it was killed, and what the service says about it.

    SQL reads ``21000029xyz`` as 21000029: that job is killed although the answer denies it.
    """
    job = service.jobs.get(number(job_id))
    if job is None or job.archived or not job.is_visible(service.now()):
        return 0, "Task not found"
    if job.owner != who.user:
        return 0, "Permission denied"
    if service.switches.cancel_fails and job.state == "S":
        return 0, "Cancel failed"
    text = service.jobs.kill(job, service.now())
    if str(job_id).strip() != str(job.id):
        return 0, "Task not found"
    return (1, text) if text else (0, f"Task in non-running state {job.state}")


def rerun_task(service: Service, who: Identity, params: list[Json]) -> list[Json]:
    job: Job | None = service.jobs.get(number(argument(params, 0)))
    if job is None or job.archived or job.gone:
        text = 'Can\'t call method "application_id" on an undefined value'
        raise RpcError(text, place=f"{IMPL} 1949")
    params_again = {key: value for key, value in job.params.items() if key != "_preflight"}
    return [create_row(service, who, job.app, params_again, {})]


METHODS: Mapping[str, Method] = {
    "service_status": service_status,
    "enumerate_apps": enumerate_apps,
    "version": version,
    "start_app": start_app,
    "start_app2": start_app2,
    "query_tasks": query_tasks,
    "query_task_details": query_task_details,
    "kill_task": kill_task,
    "kill_tasks": kill_tasks,
    "rerun_task": rerun_task,
}
