"""App specifications as enumerate_apps shows them, and the checks of a submission.

Source: protocol.md 4.1 and 4.2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from simulator.http.rpc import RpcError, Verbatim
from workflows.bvbrc import app_table

Json = Any

PREFLIGHTS: Mapping[str, dict[str, Json]] = {
    "GenomeAnnotation": {"cpu": 8, "memory": "16G", "runtime": 9400, "storage": 47_000_000},
    "GenomeAssembly2": {"cpu": 12, "memory": "128G", "runtime": 36_820, "storage": 638_300_000},
    "Date": {"cpu": 1, "memory": "1G", "runtime": 60},
}
NO_READS = {"cpu": 12, "memory": "48000M", "runtime": 3600, "storage": 0}
SUBMIT_PLACE = "/opt/bvbrc/deploy/lib/Bio/KBase/AppService/Util.pm line 195"


@cache
def specifications() -> Mapping[str, dict[str, Json]]:
    """By id, each as ``{id, script, label, description, parameters, …}``."""
    return {app["id"]: specification(app) for app in app_table.load()}


def specification(app: app_table.App) -> dict[str, Json]:
    ours = {"aliases", "outputs", "other_outputs", "parameters"}
    rest = {key: value for key, value in app.items() if key not in ours}
    parameters = [add_label(each) for each in app["parameters"]]
    script = f"App-{app['id']}"
    return {**rest, "script": script, "description": app["label"], "parameters": parameters}


def add_label(parameter: dict[str, Json]) -> dict[str, Json]:
    words = parameter["id"].replace("_", " ").strip()
    shown = {"default": None, **parameter, "label": words, "desc": words}
    if "group" in parameter:
        shown["group"] = [add_label(member) for member in parameter["group"]]
    return shown


@cache
def spec_text(app: str) -> str:
    """Stands for the specification as the raw row carries it: a JSON text in a string."""
    spec = specifications()[app]
    text = json.dumps(spec, indent=3, sort_keys=True, separators=(",", " : "))
    return Verbatim(app, text).mark


def refusal(reason: str = "") -> RpcError:
    """A submission that the service could not make; often it does not say why."""
    ending = f"{reason}\n\n" if reason else "\n"
    return RpcError(f"Error submitting job: {ending}", place=SUBMIT_PLACE)


def check_parameters(app: str, params: Mapping[str, Json]) -> None:
    """The framework's check of the top level; raises ``RpcError`` with what is wrong."""
    missing = []
    for parameter in specifications()[app]["parameters"]:
        name = parameter["id"]
        if name not in params and name != "output_file":
            if parameter["required"] and parameter["default"] is None:
                missing.append(f"    Required parameter {parameter['label']} ({name}) missing")
        elif parameter.get("type") == "enum" and "enum" in parameter and name in params:
            check_choice(parameter, params[name])
    if missing:
        raise refusal("\n".join(["Errors found in parameter processing:", *missing]))


def check_choice(parameter: Mapping[str, Json], value: Json) -> None:
    chosen = parameter["default"] if value is None else value
    choices = [str(each) for each in parameter["enum"]]
    text = "" if chosen is None else str(chosen)
    if text not in choices:
        raise refusal(
            f"Invalid enum value '{text}' passed for {parameter['id']}:"
            f" valid values are {' '.join(choices)}"
        )


def check_inputs(
    app: str, params: Mapping[str, Json], size: Callable[[str], int | None], *, archive: bool = True
) -> None:
    """The app's own preflight; ``size`` tells an object's bytes, None where there is none.
    ``archive``: the archive of reads can be reached."""
    head = "Error running preflight checks: "
    if app == "GenomeAnnotation" and size(str(params.get("contigs"))) is None:
        place = (
            "/opt/bvbrc/src/p3_genome_annotation/service-scripts/App-GenomeAnnotation.pl line 45"
        )
        raise refusal(f'{head}Can\'t call method "size" on an undefined value at {place}.')
    check_reads(params)
    if list_values(params, "srr_ids") and not archive:
        place = "/opt/bvbrc/deploy/lib/Bio/KBase/AppService/ReadSet.pm line 600"
        raise refusal(f"{head}p3-sra failed: -1 at {place}.")
    problems = []
    for path in reads_in(params):
        bytes_ = size(path)
        if bytes_ is None:
            problems.append(f"\tFile {path} does not exist")
        elif not bytes_:
            problems.append(f"\tFile {path} has zero size")
    if problems:
        raise refusal(
            "\n".join(
                [f"{head}Reads as defined in parameters failed to validate. Errors:", *problems]
            )
        )


def check_reads(params: Mapping[str, Json]) -> None:
    """What the parser of read sets dies of."""
    head = "Error running preflight checks: Error parsing assembly parameters: "
    for name in ("paired_end_libs", "single_end_libs"):
        if isinstance(value := params.get(name), str):
            text = f'Can\'t use string ("{value}") as an ARRAY ref while "strict refs" in use'
            raise refusal(f"{head}{text} at /opt/bvbrc/deploy/lib/Bio/KBase/AppService/ReadSet.pm")
    for accession in list_values(params, "srr_ids"):
        if not re.fullmatch(r"[SED]RR\d+", str(accession)):
            raise refusal(f"{head}Invalid SRR identifer {accession}\n")


def reads_in(params: Mapping[str, Json]) -> list[str]:
    """The paths of read files in the usual libraries."""
    libraries = [*list_values(params, "paired_end_libs"), *list_values(params, "single_end_libs")]
    names = ("read1", "read2", "read")
    return [
        str(library[name])
        for library in libraries
        if isinstance(library, dict)
        for name in names
        if library.get(name)
    ]


def list_values(params: Mapping[str, Json], name: str) -> list[Json]:
    value = params.get(name)
    return value if isinstance(value, list) else []


def preflight(app: str, params: Mapping[str, Json]) -> dict[str, Json]:
    """The resources that the app asks for, as stored in ``_preflight``."""
    asked: dict[str, Json] = {"policy_data": {}}
    if app == "GenomeAssembly2" and not reads_in(params) and not params.get("srr_ids"):
        return asked | NO_READS
    spec = specifications()[app]
    usual = {
        "cpu": spec.get("default_cpu", 1),
        "memory": spec.get("default_memory", "4G"),
        "runtime": spec.get("default_runtime", 3600),
        "storage": 0,
    }
    return asked | PREFLIGHTS.get(app, usual)
