"""Run by the Python of .venv-standards: ``judge.py CONTEXTS SEVERITY CRATE…`` prints, as JSON, what
roc-validator says of each crate. ``CONTEXTS`` is a JSON file of contexts by address.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import requests
from rocrate_validator import models, services
from rocrate_validator.utils.http import HttpRequester

PROFILE = "provenance-run-crate-0.5"
RUN_PROFILE = "workflow-run-crate-0.5"


def main(contexts: str, severity: str, *crates: str) -> None:
    known = json.loads(Path(contexts).read_text())

    def get(_requester: object, address: str, **_options: object) -> requests.Response:
        answer = requests.Response()
        answer.status_code, answer.url = (200 if address in known else 404), address
        answer.headers["Content-Type"] = "application/ld+json"
        answer._content = json.dumps(known.get(address)).encode()
        return answer

    HttpRequester.get = get
    found = {}
    for crate in crates:
        text = (Path(crate) / "ro-crate-metadata.json").read_text()
        settings = services.ValidationSettings(
            rocrate_uri=crate,
            profile_identifier=PROFILE if "wfrun/provenance" in text else RUN_PROFILE,
            requirement_severity=models.Severity[severity],
            skip_availability_check=True,
            no_cache=True,
            validate_profile_checks=False,
        )
        result = services.validate(settings)
        found[Path(crate).name] = [
            f"{issue.check.identifier}: {issue.message} ({issue.violatingEntity})"
            for issue in result.get_issues(models.Severity[severity])
        ]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
