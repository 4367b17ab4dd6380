"""All settings, section by section, with their units, defaults and limits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from config.types import (
    Count,
    Days,
    Name,
    OptionalUrl,
    Port,
    Seconds,
    SecretUrl,
    Url,
    _fernet_key,
    _secret_uri,
    _web_address,
)

TAKEN = frozenset(
    {
        "mail_requests",
        *("specs", "jobs", "credentials", "events", "locks", "heartbeats", "schema", "services"),
        *("app_specs", "removals", "sessions", "usage", "users", "batches", "batch_tables"),
        *("batch_plans", "templates", "template_versions"),
        *("holds", "webhooks", "deliveries", "duration_hours", "durations"),
    }
)
"""Collections that stand beside that of the workflows."""


class Section(BaseModel):
    """A section; it refuses unknown keys, and its errors never show a value."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class MongoDB(Section):
    """The replica set that stores all state: ``uri``, or ``host`` and ``port``."""

    uri: Annotated[SecretStr, _secret_uri("mongodb", "mongodb+srv")] | None = None
    """The connection string, which may hold a password: ``mongodb://127.0.0.1:27017/?replicaSet=rs0``.
    It wins over ``host`` and ``port``; it may name the members of a replica set."""
    host: Name = "127.0.0.1"
    """The server, where there is no ``uri``."""
    port: Port = 27017
    """Its port."""
    database: Name = "workflows"
    """The name of the database."""
    collection: Name = "workflows"
    """The collection of the workflows; the others stand beside it under their own names."""

    @field_validator("collection")
    @classmethod
    def _is_nobody_elses(cls, name: str) -> str:
        if name in TAKEN or name.startswith("system.") or "$" in name:
            raise ValueError("is the name of another collection, or cannot be one")
        return name

    @property
    def address(self) -> str:
        """The client's connection string. It may hold a password: never log it."""
        return self.uri.get_secret_value() if self.uri else f"mongodb://{self.host}:{self.port}/"


def _addresses(url: SecretStr) -> tuple[str, ...]:
    return tuple(filter(None, url.get_secret_value().split(";")))


class Broker(Section):
    """The Redis that carries Celery's messages."""

    url: Annotated[SecretStr, _secret_uri("redis", "rediss", "sentinel")] = SecretStr(
        "redis://127.0.0.1:6379/0"
    )
    """One address, or those of all Sentinels, separated by ``;``:
    ``sentinel://:password@s1:26379;sentinel://s2:26379/0``."""
    sentinel_master: Annotated[str, Field(validate_default=True)] = ""
    """The master's name in the Sentinels."""
    key_prefix: Annotated[str, Field(pattern=r"^[\w.:/-]*$")] = "bvbrc-workflows."
    """Begins every key and channel, so that other Celery applications may share the Redis. The
    queues' own names, as ``-Q`` and the API know them, are without it."""
    transport_options: Annotated[dict[str, Any], Field(repr=False)] = {}
    """Kombu's options for Redis, passed on as they are; they win over ours. May hold passwords."""

    @field_validator("url")
    @classmethod
    def _is_of_sentinels_where_it_is_several(cls, url: SecretStr) -> SecretStr:
        schemes = [urlsplit(each).scheme for each in _addresses(url)]
        if len(schemes) > 1 and set(schemes) != {"sentinel"}:
            raise ValueError("several addresses must all begin with sentinel://")
        return url

    @field_validator("sentinel_master")
    @classmethod
    def _is_named_where_there_are_sentinels(cls, name: str, others: ValidationInfo) -> str:
        url = others.data.get("url", SecretStr(""))
        sentinels = url.get_secret_value().startswith("sentinel://")
        if sentinels and not name:
            raise ValueError("must be the name of the master in the Sentinels of broker.url")
        if name and not sentinels and "url" in others.data:
            raise ValueError("is used only if broker.url begins with sentinel://")
        return name

    @property
    def address(self) -> str:
        """All addresses. They may hold a password: never log them."""
        return self.url.get_secret_value()

    @property
    def addresses(self) -> tuple[str, ...]:
        """One, or those of all Sentinels."""
        return _addresses(self.url)


class Scheduler(Section):
    """BV-BRC's AppService, and the Minhash service beside it."""

    url: Url = "https://p3.theseed.org/services/app_service"
    """The address of AppService."""
    timeout: Seconds = 30
    """Seconds, for each call but a submission."""
    submit_timeout: Seconds = 600
    """Seconds: AppService runs an app's preflight inside the call, minutes are possible."""
    minhash_url: Url = "https://p3.theseed.org/services/minhash_service"
    """The address of the Minhash service, which finds similar genomes."""


class Workspace(Section):
    """BV-BRC's file store."""

    url: Url = "https://p3.theseed.org/services/Workspace"
    """The address of the Workspace."""


class DataApi(Section):
    """BV-BRC's database of genomes and features."""

    url: Url = "https://www.bv-brc.org/api"
    """The address of the data API."""


class Links(Section):
    """Addresses of BV-BRC's pages, made from a workflow's ``base_url``; empty: no links."""

    workspace_url: str = "{base_url}/workspace{path}"
    """Of a path in the Workspace: ``{base_url}``, ``{path}``."""
    job_url: str = "{base_url}/job/{job_id}"
    """Of a job: ``{base_url}``, ``{job_id}``."""

    @field_validator("workspace_url", "job_url")
    @classmethod
    def _is_pattern(cls, pattern: str) -> str:
        try:
            filled = pattern.format(base_url="https://b", path="/p", job_id="1")
        except (KeyError, IndexError, ValueError):
            raise ValueError("may name {base_url}, {path} and {job_id}, and nothing else") from None
        return _web_address(filled) and pattern if pattern else ""


class Executor(Section):
    """The executor, which advances workflows."""

    polling_interval_seconds: Seconds = 10
    """How often jobs are asked about, and what is due is looked for."""
    poll_by_forecast: bool = True
    """Jobs of apps with a history are polled when they are likely to end, at no more calls; false:
    by the fixed schedule alone."""
    max_parallel_steps_per_workflow: Count = 2
    """Steps of one workflow that run at the same time; the most that a workflow may name."""
    enable_auto_resume: bool = True
    """False: a restart of the executor pauses the workflows under way until they are submitted
    again by their ids, or cancelled."""
    max_jobs_per_user: Count = 1000
    """Jobs of one user that are at AppService at the same time."""
    lease_seconds: Seconds = 10
    """How long a claim lasts that is not renewed, as it is while the work goes on: what a dead
    worker had in hand is taken over after it."""
    in_doubt_grace_seconds: Seconds = 900
    """How old a submission must be before AppService's "not found" is believed."""
    lost_job_deadline_seconds: Seconds = 86_400
    """How long a job may be unknown to AppService before its step fails. A day outlasts an outage
    or a restore there; a job that comes back after its step has failed would have run in vain."""
    failure_evidence_seconds: Seconds = 30
    """How long a job's failure waits for its reason, where BV-BRC cannot be asked for it."""
    outage_patience_seconds: Seconds = 21_600
    """How long a refusal that may be caused by an outage behind AppService (of the Workspace, of
    the archive of reads) counts as one. After that the step fails, if the Workspace says that its
    inputs exist."""
    max_concurrent_submissions: Count = 32
    """The ceiling of the adaptive limit of start_app2 calls under way over all workers."""
    max_concurrent_submissions_per_user: Count = 16
    """The same for one user; a smaller number leaves slots for other users at once."""


class Logging(Section):
    """Log files, besides standard output."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least that is logged."""
    workflow_log_dir: Path = Path("logs/workflows")
    """Where each workflow has a file of its own."""
    workflow_log_bytes: Count = 10 * 1024 * 1024
    """The size at which a workflow's log file is rotated; one former file is kept beside it."""
    executor_log_file: Path = Path("logs/executor.log")
    """Of a worker without a name; named ones and beat have files beside it."""


class Metrics(Section):
    """Prometheus."""

    enable_prometheus: bool = True
    """Whether anything is counted and shown."""
    host: Name = "0.0.0.0"  # noqa: S104 - Prometheus is on another host, and nothing here is secret
    """The address on which a worker serves them."""
    port: Port = 9090
    """The port on which a worker serves this host's metrics; a second worker on the host runs
    without."""
    multiproc_dir: Path = Path("var/metrics")
    """Where the processes of one host share their counters; the same for all of them."""


class Health(Section):
    """The limit after which work counts as stuck."""

    overdue_limit_seconds: Seconds = 300
    """How long a due workflow may wait for its advance, and a job to be sent."""


class Retention(Section):
    """How long ended workflows and logs are kept, in days; 0 keeps them for ever."""

    finished_workflows_days: Days = 365
    """An ended workflow is deleted with its spec, its jobs and its history."""
    planned_workflows_days: Days = 90
    """The same for plans that were never submitted."""
    workflow_logs_days: Days = 90
    """A workflow's log file after its last line; the history itself is in MongoDB."""


class Auth(Section):
    """The trusted signers, and how tokens are used and kept."""

    trusted_signers: tuple[Url, ...] = Field(
        ("https://user.patricbrc.org/public_key",), min_length=1
    )
    """The addresses of the public keys; a token of any other signer is refused."""
    token_keys: tuple[Annotated[SecretStr, AfterValidator(_fernet_key)], ...] = Field(
        (), min_length=1, validate_default=True
    )
    """Fernet keys; the first seals, every one opens. One is made by ``python -c 'from
    cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'``."""
    admins: tuple[Name, ...] = ()
    """User names (a token's ``un``) that may do everything."""
    reads: Literal["link", "owner"] = "link"
    """``link``: the id alone is enough to read a workflow and its status."""
    renew_tokens: Literal["active", "never"] = "active"
    """``active``: the token of a user with work under way is renewed before it ends, unless that
    user has said no (``PUT /api/v1/credentials``)."""
    service_url: SecretUrl = "https://user.patricbrc.org"
    """BV-BRC's user service, which renews tokens and gives them for passwords."""
    sign_in: tuple[Literal["password", "token"], ...] = Field(("password", "token"), min_length=1)
    """How people sign in to the pages."""
    wrong_passwords_per_minute: Count = 10
    """Wrong passwords for one user name before further ones are refused unseen, in one process."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The Fernet keys in the clear: never log them."""
        return tuple(key.get_secret_value() for key in self.token_keys)


class Validation(Section):
    """Optional checks before a workflow is stored."""

    check_output_conflicts: bool = False
    """Ask the Workspace for files that are already there, and take ``name_2``, …"""


class Reuse(Section):
    """Reuse of results: a step takes those of an earlier job that computed the same."""

    default: Literal["never", "mine"] = "never"
    """For workflows that say nothing of it."""
    max_age_days: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 30
    """How old a job may be at most whose results are reused. A workflow may ask for less."""
    epoch: dict[Name, str] = {}
    """App to any text. BV-BRC tells no version of an app: changing the text, when an app has been
    updated there, makes that no earlier result of it is reused."""
    min_age_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 60
    """How old a file must be to have an identity: before, an upload may still go on."""
    patience_seconds: Seconds = 60
    """How long a step waits for the look-up, where the Workspace does not answer; then it runs."""
    record: bool = True
    """Note of every job what it read and left, also while results are not reused: history counts
    later. It costs one call of the Workspace before a job with inputs is sent, and two for up to
    16 jobs of a user after their end."""


class Batches(Section):
    """Batches: one workflow over a table of samples."""

    max_active: Count = 50
    """Workflows of one batch under way at the same time, where a batch names no other number."""
    max_active_allowed: Count = 500
    """The largest number that a batch may name."""
    unfinished_per_user: Count = 100
    """Batches of one user that have not ended."""


class Templates(Section):
    """Templates: workflows with typed inputs."""

    per_user: Count = 200
    """Names that one user may have, each with up to 1,000 versions."""


class Quotas(Section):
    """The limits of one user, counted over all processes; ``GET /api/v1/usage`` shows the use."""

    active_workflows: Count = 10_000
    """Workflows that were started and have not ended."""
    stored_bytes: Count = 10 * 1024**3
    """Bytes of the documents of all workflows, as MongoDB stores them."""
    requests_per_minute: Count = 60_000
    """Requests of the API and the pages."""
    cpu_seconds_per_minute: Count = 60
    """Seconds of validating workflows and planning CWL; one second is about a thousand small
    workflows."""
    concurrent_requests: Count = 64
    """Requests at the same time."""
    live_streams: Count = 12
    """Pages and clients that watch live: half of what one process has room for."""


class Provenance(Section):
    """What an RO-Crate says of the people and of the data's license."""

    license: OptionalUrl = ""
    """The license of the data, as a URL (``https://spdx.org/licenses/CC-BY-4.0``); empty: the crate
    says that none is stated."""
    orcids: dict[Name, Url] = {}
    """User names to ORCIDs (``https://orcid.org/0000-0002-1825-0097``)."""


class EngineSections(BaseModel):
    """The sections of this file, by the names that files and variables give them."""

    mongodb: MongoDB = MongoDB()
    broker: Broker = Broker()
    scheduler: Scheduler = Scheduler()
    workspace: Workspace = Workspace()
    data_api: DataApi = DataApi()
    links: Links = Links()
    executor: Executor = Executor()
    logging: Logging = Logging()
    metrics: Metrics = Metrics()
    health: Health = Health()
    retention: Retention = Retention()
    auth: Auth
    validation: Validation = Validation()
    quotas: Quotas = Quotas()
    reuse: Reuse = Reuse()
    batches: Batches = Batches()
    templates: Templates = Templates()
    provenance: Provenance = Provenance()
