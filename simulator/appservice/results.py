"""The results of jobs in the Workspace (protocol.md 2.3)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from simulator.appservice import specs
from simulator.appservice.jobs import KILLED, Job
from simulator.genomes import Genomes
from simulator.workspace.objects import Item, Objects, split
from workflows.bvbrc import app_table

Json = Any

ANNOTATING = frozenset(
    {"GenomeAnnotation", "GenomeAnnotationGenbank", "ComprehensiveGenomeAnalysis"}
)
KINDS = {
    "fasta": "contigs",
    "fa": "contigs",
    "genome": "genome",
    "gb": "genbank_file",
    "afa": "aligned_dna_fasta",
    "phy": "txt",
    "aln": "txt",
    "nexus": "txt",
    "res": "txt",
    "fsa": "contigs",
    "gz": "tar_gz",
    "archive": "json",
} | {
    kind: kind
    for kind in ("gff", "embl", "html", "json", "txt", "tsv", "xls", "nwk", "phyloxml", "svg")
}
OUTPUTS = {
    app["id"]: (
        *app["outputs"].values(),
        *(path.replace("*", "sample") for path in app.get("other_outputs", {}).values()),
    )
    for app in app_table.load()
}
"""The paths of the table; ``sample`` stands where only the run tells the name."""


FURTHER = {"MetagenomeBinning": ("bin.1.562.fa", "bin.2.1280.fa")}
"""Files whose names only the run determines, two for example."""


class Results:
    """Writes what the apps would have written."""

    def __init__(self, objects: Objects, genomes: Genomes) -> None:
        self._objects = objects
        self._genomes = genomes

    def begin(self, job: Job) -> None:
        """The hidden folder, rid of what an earlier failure left there."""
        if not (place := self._place(job)):
            return
        job.made_from = lineage(job, self._objects)
        self._objects.put(place.folder, "folder", meta={"application_type": job.app})
        for name in ("JobFailed.txt", "JobFailed.html"):
            if item := self._objects.find(f"{place.folder}/{name}"):
                self._objects.remove(item)

    def end(self, job: Job) -> None:
        """The files of a job that went well, a note where it did not, and the job_result; nothing
        of a job that was killed."""
        good = job.cluster_status == "COMPLETED"
        place = self._place(job)
        output = job_output(job) if good else f"{job.app} failed"
        if genome := genome_in(output):
            self._genomes.add_annotation(job, genome)
        if not place or job.cluster_status in KILLED:
            return
        files = self._files(job, place, output) if good else self._failure(job, place)
        shown = describe_result(job, output)
        self._objects.put(
            place.result,
            "job_result",
            {**shown, "output_files": files, "success": int(good)},
            {"task_data": task_data(job, shown, output, good=good)},
        )

    def _place(self, job: Job) -> Place | None:
        """Where a job can write; None where it cannot or does not."""
        place = Place.of(job)
        if not place or not self._objects.workspace(place.result):
            return None
        above = [self._objects.find(path) for path in folders_above(place.folder + "/x")]
        blocked = any(item and item.children is None for item in above)
        result = self._objects.find(place.result)
        return None if blocked or (result and result.children is not None) else place

    def _files(self, job: Job, place: Place, output: Json) -> list[Json]:
        """Paths and uuids of the app's main files."""
        leaves = FURTHER.get(job.app, ()) if job.course.leaves is None else job.course.leaves
        known = (fill_template(template, job, place) for template in OUTPUTS[job.app])
        paths = dict.fromkeys([*known, *(f"{place.folder}/{name}" for name in leaves)])
        files = []
        for path in paths:
            if path not in {None, place.result, place.folder}:
                kind = kind_of(path)
                self._objects.put(path, kind, content(kind, job, output))
                if item := self._objects.find(path):  # a folder may have been there before
                    files.append([path, item.uuid])
        return files

    def _failure(self, job: Job, place: Place) -> list[Json]:
        path = f"{place.folder}/JobFailed.txt"
        item = self._objects.put(path, "txt", job.course.stderr or f"{job.app} failed\n")[-1]
        return [[path, item.uuid]]


class Place:
    """Where a job writes: ``result`` is the job_result, ``folder`` the hidden folder beside it."""

    def __init__(self, path: str, name: str) -> None:
        self.name = name
        self.result = f"{path}/{name}"
        self.folder = f"{path}/.{name}"

    @classmethod
    def of(cls, job: Job) -> Place | None:
        """The place of a job's results; None if it leaves none."""
        silent = job.app == "Sleep" or job.params.get("skip_workspace_output")
        if silent or not job.output_path or not job.output_file:
            return None
        return cls(job.output_path.rstrip("/"), job.output_file.replace("/", "_"))


def folders_above(path: str) -> list[str]:
    """The paths of the folders that an object is in."""
    parts = split(path)
    return ["/" + "/".join(parts[:length]) for length in range(2, len(parts))]


def fill_template(template: str, job: Job, place: Place) -> str | None:
    """A path template with the job's parameters; None where one is missing."""
    values = {**job.params, "output_path": job.output_path.rstrip("/"), "output_file": place.name}
    found = re.findall(r"\$\{params\.([^}]+)}", template)
    if not all(isinstance(values.get(name), str) for name in found):
        return None
    return re.sub(r"\$\{params\.([^}]+)}", lambda match: values[match[1]], template)


def kind_of(path: str) -> str:
    name = path.rpartition("/")[2]
    if "protein" in name and name.endswith("fasta"):
        return "feature_protein_fasta"
    if "dna" in name and name.endswith("fasta"):
        return "feature_dna_fasta"
    if "." not in name:
        return "folder" if name in {"detail_files", "details"} else "txt"
    return KINDS.get(name.rpartition(".")[2], "unspecified")


def content(kind: str, job: Job, output: Json) -> str:
    if kind in {"contigs", "feature_dna_fasta"}:
        return contigs_text(job.made_from)
    if kind == "genome":
        name = job.params.get("scientific_name", "")
        return json.dumps({"id": genome_in(output), "scientific_name": name})
    if kind == "json":
        return json.dumps({"made_from": job.made_from})
    return f"{job.app} {job.id} made from {job.made_from}\n"


def contigs_text(made_from: str) -> str:
    return f">contig_1 made from {made_from}\nATGACCATGATTACGGATTCACTGGCC\n"


def lineage(job: Job, objects: Objects) -> str:
    """The same for two jobs that must have the same results: of the same app, with the same
    parameters but for the place of the results, and with inputs of the same content.
    """
    place = {"output_path", "output_file"}
    params = {
        name: value
        for name, value in job.params.items()
        if name not in place and not name.startswith("_")  # not the preflight, nor a submission key
    }
    return digest_of(job.app, read_inputs(params, objects))


def digest_of(app: str, made_of: Json) -> str:
    """``made_of``: the parameters with base name and content in place of each path."""
    text = json.dumps([app, made_of], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_inputs(value: Json, objects: Objects) -> Json:
    """The value with the contents of files in place of their paths."""
    if isinstance(value, dict):
        return {name: read_inputs(each, objects) for name, each in value.items()}
    if isinstance(value, list):
        return [read_inputs(each, objects) for each in value]
    item = objects.find(value) if isinstance(value, str) and value.startswith("/") else None
    if item is None:
        return value
    return [item.name, *(content_of(each) for each in (item, *item.below()))]


def content_of(item: Item) -> str:
    """A job_result tells times and ids of its run: of that, what was asked for counts."""
    if item.kind == "job_result" and isinstance(item.data, dict):
        return str(item.data.get("parameters"))
    return "" if item.children is not None else item.text


def job_output(job: Job) -> Json:
    """What the app reports of itself."""
    if job.course.job_output is not None:
        return job.course.job_output
    if job.app not in ANNOTATING:
        return ""
    taxon = job.params.get("taxonomy_id") or 562
    place = Place.of(job)
    name = "annotated" if job.app == "ComprehensiveGenomeAnalysis" else job.output_file
    path = f"{place.folder}/{name}.genome" if place else ""
    output = {"gto_path": path, "genome_id": f"{taxon}.{job.id}"}
    queue = {"index_queue_id": str(job.id)} if job.app == "GenomeAnnotation" else {}
    return output | queue


def genome_in(output: Json) -> str:
    """The genome that an app says it has made."""
    return str(output.get("genome_id") or "") if isinstance(output, dict) else ""


def describe_result(job: Job, output: Json) -> dict[str, Json]:
    started, ended = job.started or 0.0, job.ended or 0.0
    return {
        "id": str(job.id),
        "app": specs.specifications()[job.app],
        "parameters": job.params,
        "start_time": started,
        "end_time": ended,
        "elapsed_time": ended - started,
        "hostname": "node01",
        "job_output": output,
    }


def task_data(job: Job, shown: Mapping[str, Json], output: Json, *, good: bool) -> dict[str, Json]:
    times = {name: shown[name] for name in ("start_time", "end_time", "elapsed_time")}
    found = {"genome_id": genome_in(output)} if genome_in(output) else {}
    return {"success": int(good), "task_id": str(job.id), "app_id": job.app, **times, **found}
