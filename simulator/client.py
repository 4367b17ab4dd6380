"""A running simulator, as tests and benchmarks hold it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests

Json = Any


class Refused(Exception):
    """The simulator refused a control request."""


class Simulator:
    """Talks to ``/control`` of the simulator at ``url``; for settings see control.py, faults.py."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.app_service_url = f"{self.url}/services/app_service"
        self.workspace_url = f"{self.url}/services/Workspace"
        self.minhash_url = f"{self.url}/services/minhash_service"
        self.api_url = f"{self.url}/api"
        self.signer = f"{self.url}/public_key"
        """What tokens name as their SigningSubject; a client has to trust it."""
        self._session = requests.Session()
        self._session.trust_env = False

    def close(self) -> None:
        self._session.close()

    # --- commands

    def token(self, user: str, seconds: float = 30 * 86_400, **settings: str) -> str:
        """A token of ``user`` for ``seconds`` from now; ``kind`` breaks it, ``roles`` adds some."""
        asked = {"user": user, "seconds": seconds, **settings}
        return str(self._post("token", asked)["token"])

    def expire(self, user: str) -> None:
        """The tokens of ``user`` issued so far no longer count."""
        self._post("expire", {"user": user})

    def fault(self, kind: str, method: str = "", **settings: Json) -> int:
        """Disturbs calls of ``method`` (every one if empty); returns an id to remove it by."""
        limit = {"method": method} if method else {}
        return int(self._post("faults", {"kind": kind, **limit, **settings})["ids"][0])

    def remove_fault(self, fault_id: int) -> None:
        self._ask("DELETE", "faults", params={"id": str(fault_id)})

    def clear_faults(self) -> None:
        self._ask("DELETE", "faults")

    def app(self, app: str = "*", **course: Json) -> int:
        """Sets the script of an app's jobs (``run_seconds``, ``outcome``, …), limited by
        ``output_file``, …"""
        return int(self._post("rules", {"app": app, **course})["ids"][0])

    def clear_rules(self) -> None:
        self._ask("DELETE", "rules")

    def switch(self, **switches: Json) -> dict[str, Json]:
        """Sets switches; returns all of them."""
        return dict(self._post("switches", switches))

    def act(self, action: str, *ids: str, **settings: Json) -> list[str]:
        """Applies an action to jobs (finish, fail, lose, start, hide, vanish, …); returns their
        ids.

        Without ids: to all jobs whose ``owner``, ``app``, ``output_file``, … match a pattern.
        """
        return list(self._post("jobs", {"action": action, "ids": ids, **settings})["ids"])

    def advance(self, seconds: float) -> None:
        """Puts the simulator's clock forward."""
        self._post("advance", {"seconds": seconds})

    def genome(self, genome_id: str, **settings: Json) -> None:
        """Puts a genome into the data API; ``pgfams``: so many features have a family."""
        self._post("genomes", {"genome_id": genome_id, **settings})

    def put(self, token: str, *paths: str) -> None:
        """Puts small objects into the Workspace, so that a preflight finds them."""
        objects = [[path, "contigs", {}, ">contig_1\nACGT\n"] for path in paths]
        self.rpc(token, "Workspace.create", {"objects": objects, "overwrite": 1})

    def reset(self) -> None:
        """Forgets jobs, faults, rules, switches, calls; the key and the time stay."""
        self._post("reset", {})

    # --- queries

    def jobs(self, **fields: str) -> list[dict[str, Json]]:
        """The jobs created so far whose fields match the patterns, in the order of their ids."""
        return list(self._ask("GET", "jobs", params=fields))

    def calls(self, method: str = "", **fields: str) -> list[dict[str, Json]]:
        """The calls received so far, oldest first, of a method and with such fields."""
        limit = {"method": method} if method else {}
        return list(self.ledger(**limit, **fields)["calls"])

    def ledger(self, **fields: str) -> dict[str, Json]:
        """``{calls, total, counts: {method: {answer: count}}}``."""
        return dict(self._ask("GET", "ledger", params=fields))

    def summary(self) -> dict[str, Json]:
        """Duplicates, peaks in flight, calls per method: see ledger.Summary."""
        return dict(self._ask("GET", "summary"))

    # --- as a client of the services

    def rpc(self, token: str, method: str, *params: Json) -> list[Json]:
        """The return values of a method, asked for as BV-BRC's clients do; raises on an error."""
        package = method.partition(".")[0]
        url = {"Workspace": self.workspace_url, "Minhash": self.minhash_url}.get(package)
        headers = {"Authorization": token} if token else {}
        body = {"version": "1.1", "id": "1", "method": method, "params": params}
        answer = self._session.post(
            url or self.app_service_url, json=body, headers=headers, timeout=60
        ).json()
        if "error" in answer:
            raise Refused(answer["error"]["message"])
        return list(answer["result"])

    def _post(self, route: str, body: Mapping[str, Json]) -> dict[str, Json]:
        return dict(self._ask("POST", route, json=body))

    def _ask(self, verb: str, route: str, **settings: Json) -> Json:
        url = f"{self.url}/control/{route}"
        answer = self._session.request(verb, url, timeout=60, **settings)
        if not answer.ok:
            raise Refused(answer.json()["error"])
        return answer.json()
