"""The files for deployment agree with the product, and with the tools that will read them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from redis import Redis
from redis.exceptions import AuthenticationError

import celeryconfig
from config.settings import Settings
from devstack import embedded, processes
from observability.metrics import Meters
from tests.deploy.queries import names_in, queries
from tests.shared import ROOT

DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
KUBERNETES = list(yaml.safe_load_all((DEPLOY / "kubernetes/workflows.yaml").read_text()))
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
RULES: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus/rules.yml").read_text())
GUIDE = ROOT / "docs/operations.md"
QUEUES = {queue.name for queue in celeryconfig.task_queues}
OURS = ("api", "worker", "submissions", "beat", "flower", "mcp")


def alerts() -> list[str]:
    return [rule["alert"] for group in RULES["groups"] for rule in group["rules"]]


def pods() -> dict[str, dict[str, Any]]:
    found = [each for each in KUBERNETES if each["kind"] == "Deployment"]
    return {each["metadata"]["name"]: each["spec"]["template"]["spec"] for each in found}


def commands(way: str) -> list[str]:
    if way == "compose":
        lists = [service.get("command", []) for service in COMPOSE["services"].values()]
    elif way == "kubernetes":
        lists = [pod["containers"][0].get("command", []) for pod in pods().values()]
    else:
        return [
            line.removeprefix("ExecStart=")
            for unit in UNITS
            for line in unit.read_text().splitlines()
            if line.startswith("ExecStart=")
        ]
    return [" ".join(words) for words in lists]


@pytest.mark.parametrize("way", ["compose", "kubernetes", "systemd"])
def test_every_queue_has_a_worker_and_there_is_an_api_and_a_beat(way: str) -> None:
    found = commands(way)

    consumed = {
        queue
        for command in found
        for queues in re.findall(r"worker -Q (\S+)", command)
        for queue in queues.split(",")
    }
    assert consumed == QUEUES
    assert any("gunicorn" in command and "wsgi:app" in command for command in found)
    assert any(command.endswith("tasks beat") for command in found)


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(DEPLOY.rglob("*")) if path.is_file() and path.suffix != ".pyc"]
    + [GUIDE],
    ids=lambda path: path.name,
)
def test_every_setting_that_is_named_exists(path: Path) -> None:
    known = {
        f"WORKFLOW_{section}__{key}".upper()
        for section, field in Settings.model_fields.items()
        for key in field.annotation.model_fields  # type: ignore[union-attr]
    } | {"WORKFLOW_CONFIG_FILE"}

    named = set(re.findall(r"WORKFLOW_[A-Z]+(?:__[A-Z_]+[A-Z]|_FILE)", path.read_text()))

    assert named <= known


def test_every_alert_is_explained_and_nothing_else() -> None:
    explained = re.findall(r"^#### (\w+)$", GUIDE.read_text(), re.MULTILINE)

    assert sorted(explained) == sorted(alerts())


def test_rules_and_dashboards_ask_for_metrics_that_exist() -> None:
    counted = Meters()
    known = {
        family.name + suffix
        for name in counted.__slots__
        for family in getattr(counted, name).describe()
        for suffix in ("", "_total", "_bucket", "_sum", "_count")
    }
    gauges = set(re.findall(r'"(\w+_(?:count|seconds|up|state|pending))"', gauges_source()))
    celery = {"celery_queue_length", "celery_task_succeeded_total", "celery_task_failed_total"}

    asked = {name for query in queries() for name in names_in(query)}

    assert asked - {"up"} <= known | gauges | celery
    assert len(asked) > 25


def gauges_source() -> str:
    return (ROOT / "observability/gauges.py").read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "rules.yml"),
        ("test", "rules", "rules_test.yml"),
    ],
    ids=" ".join,
)
def test_promtool_is_content(arguments: tuple[str, ...]) -> None:
    done = with_tool("promtool", *arguments, folder=DEPLOY / "prometheus")

    assert done.returncode == 0, done.stdout + done.stderr


def test_hadolint_is_content() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), "deploy/Dockerfile"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "")


def test_every_object_of_kubernetes_fits_its_schema() -> None:
    # It takes longer to load than anything else: only where it is used, not for each collection.
    import kubernetes_validate  # noqa: PLC0415

    for each in KUBERNETES:
        kubernetes_validate.validate(each, kubernetes_validate.latest_version(), strict=True)


def test_systemd_is_content(tmp_path: Path) -> None:
    """With programs and folders that this machine has in the place of those of the unit."""
    for path in (DEPLOY / "systemd").iterdir():
        text = re.sub(
            r"/opt/workflows/\.venv\S*/bin/\w+", shutil.which("true") or "", path.read_text()
        )
        (tmp_path / path.name).write_text(text.replace("file:///opt/workflows", f"file://{ROOT}"))
    units = [str(path) for path in tmp_path.iterdir() if path.suffix != ".conf"]

    done = with_tool("systemd-analyze", "verify", "--man=no", *units, folder=tmp_path)

    assert done.returncode == 0, done.stderr
    assert str(tmp_path) not in done.stderr
    assert "workflow" not in done.stderr


def with_tool(name: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return subprocess.run(
        [name, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def test_prometheus_scrapes_what_compose_starts() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())

    targets = {
        name
        for job in config["scrape_configs"]
        for discovery in job["dns_sd_configs"]
        for name in discovery["names"]
    }

    assert targets == {"api", "worker", "submissions", "celery-exporter"}
    assert targets <= set(COMPOSE["services"])


def test_every_container_of_ours_is_confined() -> None:
    for name in OURS:
        service = COMPOSE["services"][name]
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
    for name, pod in pods().items():
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"], name
        assert container["securityContext"]["readOnlyRootFilesystem"], name
        assert not container["securityContext"]["allowPrivilegeEscalation"], name
        assert container["resources"]["limits"]["memory"], name
    for unit in UNITS:
        for line in ("NoNewPrivileges=yes", "ProtectSystem=strict", "User=workflows"):
            assert line in unit.read_text().splitlines(), unit.name


def test_probes_of_the_api_have_a_listener_of_their_own() -> None:
    service, unit = (
        COMPOSE["services"]["api"],
        (DEPLOY / "systemd/workflow-api.service").read_text(),
    )
    (container,) = pods()["api"]["containers"]
    probes = [container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")]

    assert service["environment"]["WORKFLOW_API__PROBE_PORT"] == "8001"
    assert "127.0.0.1:8001/api/v1/health/ready" in service["healthcheck"]["test"][-1]
    assert "Environment=WORKFLOW_API__PROBE_PORT=8001\n" in unit
    assert {"name": "WORKFLOW_API__PROBE_PORT", "value": "8001"} in container["env"]
    assert {"name": "probes", "containerPort": 8001} in container["ports"]
    assert {probe["port"] for probe in probes} == {"probes"}


def test_every_api_behind_a_proxy_trusts_it() -> None:
    unit = (DEPLOY / "systemd/workflow-api.service").read_text()
    (container,) = pods()["api"]["containers"]
    setting = "WORKFLOW_API__TRUSTED_PROXIES"

    assert COMPOSE["services"]["api"]["environment"][setting] == f"${{{setting}:-1}}"
    assert f"Environment={setting}=1\n" in unit
    assert {"name": setting, "value": "1"} in container["env"]


def test_bodies_that_wait_fill_no_memory() -> None:
    service, unit = (
        COMPOSE["services"]["api"],
        (DEPLOY / "systemd/workflow-api.service").read_text(),
    )
    volumes = {each["name"]: each for each in pods()["api"]["volumes"]}

    assert "/tmp" in service["volumes"]  # noqa: S108 - on the disk
    assert not [each for each in service["tmpfs"] if each.startswith("/tmp")]  # noqa: S108
    assert "Environment=TMPDIR=/var/tmp\n" in unit
    assert volumes["tmp"]["emptyDir"].keys() == {"sizeLimit"}


def test_no_port_of_compose_is_open_to_the_world() -> None:
    published = [port for each in COMPOSE["services"].values() for port in each.get("ports", [])]

    assert len(published) == 5
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_every_foreign_image_has_an_exact_version_and_digest() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    images = {line.split()[1] for line in lines if line.startswith("FROM ")}
    images |= {each["image"] for each in COMPOSE["services"].values() if "build" not in each}
    images |= {each["image"] for pod in pods().values() for each in pod["containers"]}

    foreign = images - {"workflows:latest"}

    assert len(foreign) == 5
    exact = re.compile(r":v?\d+\.\d+\.\d+[a-z-]*@sha256:[0-9a-f]{64}")
    assert [image for image in foreign if not exact.search(image)] == []


def test_what_watches_the_broker_gets_no_key_of_tokens() -> None:
    for name in ("flower", "celery-exporter"):
        service = COMPOSE["services"][name]
        assert not service.get("env_file"), name
        assert not [key for key in service["environment"] if key.startswith("WORKFLOW_")], name
        assert "-A" not in service.get("command", []), name
    (container,) = pods()["celery-exporter"]["containers"]
    assert "envFrom" not in container
    assert all(each["name"].startswith("CE_") for each in container["env"])
    for name in ("flower", "exporter"):
        unit = (DEPLOY / f"systemd/workflow-{name}.service").read_text()
        assert "EnvironmentFile=/etc/workflows/monitors\n" in unit
        assert "WORKFLOW_" not in unit.replace("WORKFLOW_BROKER__URL", "")
    assert "WORKFLOW_AUTH" not in (DEPLOY / "monitors.example").read_text()


def test_the_mcp_server_gets_no_key_of_tokens_and_no_server() -> None:
    service = COMPOSE["services"]["mcp"]
    (container,) = pods()["mcp"]["containers"]
    unit = (DEPLOY / "systemd/workflow-mcp.service").read_text()

    assert not service["env_file"]
    assert "envFrom" not in container
    assert "\nEnvironmentFile" not in unit
    named = [*service["environment"], *(each["name"] for each in container["env"])]
    assert all(name.startswith("WORKFLOW_AGENTS__") for name in named)


def test_mongodb_and_redis_of_compose_have_passwords() -> None:
    for service, variable, secret in (
        ("mongodb", "MONGO_INITDB_ROOT_PASSWORD", "MONGODB_PASSWORD"),
        ("redis", "REDISCLI_AUTH", "REDIS_PASSWORD"),
    ):
        assert COMPOSE["services"][service]["environment"][variable].startswith(f"${{{secret}:?")
        assert f"{secret}=" in (DEPLOY / "env.example").read_text()
    settings = COMPOSE["x-product"]["environment"]
    assert "${MONGODB_PASSWORD:?" in settings["WORKFLOW_MONGODB__URI"]
    assert "${REDIS_PASSWORD:?" in settings["WORKFLOW_BROKER__URL"]


def test_redis_of_compose_wants_its_password(tmp_path: Path) -> None:
    """Its own command, with a server of this machine and a port of our choice."""
    shell, option, script = COMPOSE["services"]["redis"]["command"]
    port = processes.free_port()
    server = f"{embedded.redis_program()} - --port {port}"
    started = processes.start(
        "redis",
        [shell, option, script.replace("$$", "$").replace("redis-server -", server, 1)],
        log=tmp_path / "log",
        env={"REDISCLI_AUTH": "secret"},
        folder=tmp_path,
    )
    try:
        processes.wait_until(lambda: processes.listens(port), "it listens", process=started)
        with Redis(port=port) as stranger, pytest.raises(AuthenticationError):
            stranger.ping()
        with Redis(port=port, password="secret") as friend:
            assert friend.ping()
        assert "secret" not in Path(f"/proc/{started.pid}/cmdline").read_text()
    finally:
        started.kill()


def test_nobody_connects_to_pods_but_those_that_are_named() -> None:
    policies = {
        each["metadata"]["name"]: each["spec"]
        for each in KUBERNETES
        if "Policy" in each["kind"] and "Network" in each["kind"]
    }

    assert policies["closed"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    for name in ("api", "mcp", "metrics"):
        for rule in policies[name]["ingress"]:
            assert rule["from"], name
            assert rule["ports"], name
    assert policies["celery-exporter"]["policyTypes"] == ["Egress"]


def test_the_image_holds_the_product_and_runs_as_nobody() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = {
        source
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }
    roots = {
        "agents",
        "app",
        "bvbrc_workflows_client",
        "cli",
        "server",
        "config",
        "tasks",
        "workflows",
        "wsgi.py",
        "celeryconfig.py",
    }

    assert roots <= copied
    assert all((ROOT / source).exists() for source in copied)
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == copied
    assert [line for line in lines if line.startswith("USER ")] == ["USER 10001:10001"]
    assert lines.index("USER 10001:10001") > max(
        number for number, line in enumerate(lines) if line.startswith("COPY")
    )


def test_the_files_of_the_image_suffice(tmp_path: Path) -> None:
    """Copied as the Dockerfile does, without what .dockerignore leaves out."""
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    left_out = shutil.ignore_patterns("__pycache__", "simulator")
    for line in lines:
        if line.startswith("COPY ") and "--from" not in line:
            *sources, target = line.split()[1:]
            for source in sources:
                place = tmp_path / ("" if target == "./" else target) / ""
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, place, ignore=left_out)
                else:
                    shutil.copy(ROOT / source, place)
    modules = "wsgi, tasks.jobs, runtime.heartbeat, cli.main, agents.__main__"
    program = f"import {modules}; print(wsgi.app.url_map)"

    done = subprocess.run(
        [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, '.'); {program}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "/api/v1/health" in done.stdout


def test_production_does_not_need_what_the_image_leaves_out() -> None:
    left_out = re.compile(r"^\s*(from|import) (workflows\.bvbrc\.simulator|devstack|tests)\b", re.M)
    sources = [
        path
        for root in ("app", "bvbrc_workflows_client", "cli", "config", "tasks")
        for path in (ROOT / root).rglob("*.py")
    ]
    sources += [
        path for path in (ROOT / "workflows").rglob("*.py") if "simulator" not in path.parts
    ]

    assert [path for path in sources if left_out.search(path.read_text())] == []


def test_the_dashboard_is_one_that_grafana_can_load() -> None:
    found = json.loads((DEPLOY / "grafana/dashboards/workflows.json").read_text())

    panels = found["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)
    sources = yaml.safe_load(
        (DEPLOY / "grafana/provisioning/datasources/prometheus.yaml").read_text()
    )
    known = {source["uid"] for source in sources["datasources"]}
    assert {panel["datasource"]["uid"] for panel in panels if panel["type"] != "row"} == known
