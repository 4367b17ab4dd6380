"""A real Prometheus and a real celery-exporter beside a running product."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from config.sections import Broker
from devstack import environment, processes
from devstack.processes import Process, wait_until
from devstack.setups import (
    EXPORTER,
    FLOWER_LOGIN,
    exporter_command,
    flower_command,
    monitor_settings,
    start_monitor,
)
from tests.shared import ROOT

_PACE = {"celery": {"scrape_interval": "8s", "scrape_timeout": "8s"}}
"""celery-exporter asks all workers at each scrape, and waits for two seconds for their answers."""
RULES = ROOT / "deploy/prometheus/rules.yml"


@dataclass(frozen=True)
class Prometheus:
    process: Process
    url: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an instant vector: ``metric`` (labels) and ``value``."""
        answer = self.get("query", query=expression)
        assert answer["status"] == "success", (expression, answer)
        return list(answer["data"]["result"])

    def value(self, expression: str) -> float | None:
        """Of the one sample that there must be; None where there is none."""
        samples = self.query(expression)
        assert len(samples) <= 1, samples
        return float(samples[0]["value"][1]) if samples else None

    def unscraped(self) -> list[str]:
        """What is wrong with targets that are not scraped (yet)."""
        targets = self.get("targets")["data"]["activeTargets"]
        return [str(each["lastError"]) for each in targets if each["health"] != "up"]

    def get(self, path: str, **parameters: str) -> dict[str, Any]:
        answer = requests.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=60)
        return dict(answer.json())


def start(folder: Path, targets: dict[str, Sequence[str]]) -> Prometheus:
    """Scrapes these jobs' targets, with our rules; skips where Prometheus is missing."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus is not installed (Debian's package has it)")
    config = {
        "global": {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "2s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [
            {
                "job_name": job,
                "static_configs": [{"targets": list(addresses)}],
                **_PACE.get(job, {}),
            }
            for job, addresses in targets.items()
        ],
    }
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    port = processes.free_port()
    process = processes.start(
        "prometheus",
        [
            *(program, f"--config.file={file}", f"--storage.tsdb.path={folder / 'tsdb'}"),
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        log=folder / "prometheus.log",
        folder=folder,
    )
    wait_until(lambda: _ready(port), "Prometheus is ready", process=process)
    return Prometheus(process, f"http://127.0.0.1:{port}")


def _ready(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/-/ready", timeout=5).ok
    except requests.RequestException:
        return False


def start_exporter(folder: Path, broker: str) -> tuple[Process, str]:
    """celery-exporter in its own environment, and its address."""
    try:
        environment.main(EXPORTER.parent.parent.name, "requirements-exporter.txt")
    except SystemExit as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"celery-exporter cannot be installed: {missing}")
    port = processes.free_port()
    settings = monitor_settings(broker, Broker().key_prefix)
    process = start_monitor("exporter", exporter_command(port), settings, folder)
    wait_until(lambda: processes.listens(port), "the exporter listens", process=process)
    return process, f"127.0.0.1:{port}"


def start_flower(folder: Path, broker: str) -> tuple[Process, str]:
    port = processes.free_port()
    settings = monitor_settings(broker, Broker().key_prefix) | {FLOWER_LOGIN: "operator:secret"}
    process = start_monitor("flower", flower_command(port), settings, folder)
    wait_until(lambda: processes.listens(port), "Flower listens", process=process)
    return process, f"http://127.0.0.1:{port}"
