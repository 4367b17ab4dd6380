"""The simulated Workspace, Minhash service and data API, and what jobs leave there."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from simulator.client import Refused, Simulator

ALICE, BOB = "alice@patricbrc.org", "bob@bvbrc"
HOME = f"/{ALICE}/home"


@pytest.fixture
def token(simulator: Simulator) -> str:
    return simulator.token(ALICE)


def create(simulator: Simulator, token: str, *objects: list[Any], **flags: Any) -> list[Any]:
    asked = {"objects": list(objects), **flags}
    return list(simulator.rpc(token, "Workspace.create", asked)[0])


def get(simulator: Simulator, token: str, path: str) -> list[Any]:
    return list(simulator.rpc(token, "Workspace.get", {"objects": [path]})[0][0])


def paths(metas: list[Any]) -> set[str]:
    return {meta[2] + meta[0] for meta in metas}


def run(simulator: Simulator, token: str, app: str, params: dict[str, Any], **course: Any) -> str:
    """The id of a job of which nothing is left to wait for."""
    simulator.app(app, queue_seconds=0, run_seconds=0, lag_seconds=0, **course)
    job = str(simulator.rpc(token, "AppService.start_app2", app, params, {})[0]["id"])
    simulator.advance(1)
    return job


ANNOTATION = {
    "contigs": f"{HOME}/c.fasta",
    "scientific_name": "Escherichia coli",
    "taxonomy_id": 562,
    "output_path": f"{HOME}/out",
    "output_file": "ann",
}


def test_an_object_is_described_by_twelve_values(simulator: Simulator, token: str) -> None:
    create(simulator, token, [f"{HOME}/a/x.json", "json", {"k": 1}, {"n": [1]}])

    meta, data = get(simulator, token, f"{HOME}/a/x.json")

    assert json.loads(data) == {"n": [1]}
    assert (meta[:3], meta[5:]) == (
        ["x.json", "json", f"{HOME}/a/"],
        [ALICE, len(data), {"k": 1}, {"is_folder": 0}, "o", "n", ""],
    )


def test_folders_above_are_made_and_existing_ones_are_left_out(
    simulator: Simulator, token: str
) -> None:
    first = create(simulator, token, [f"{HOME}/a/b", "folder", {}, None])
    again = create(simulator, token, [f"{HOME}/a/b", "folder", {}, None])

    assert (paths(first), again) == ({f"{HOME}/a", f"{HOME}/a/b"}, [])


def test_objects_are_overwritten_only_on_demand(simulator: Simulator, token: str) -> None:
    create(simulator, token, [f"{HOME}/x", "txt", {}, "one"])

    with pytest.raises(Refused, match=r"Overwriting object .* and overwrite flag is not set!"):
        create(simulator, token, [f"{HOME}/x", "txt", {}, "two"])

    create(simulator, token, [f"{HOME}/x", "txt", {}, "two"], overwrite=1)
    assert get(simulator, token, f"{HOME}/x")[1] == "two"


def test_listing_what_is_missing_or_empty_says_nothing(simulator: Simulator, token: str) -> None:
    assert simulator.rpc(token, "Workspace.ls", {"paths": [f"{HOME}/none"]}) == [{}]

    with pytest.raises(Refused, match="User lacks permission to / for requested action!"):
        simulator.rpc(token, "Workspace.ls", {"paths": [f"/{ALICE}/nowhere"]})


def test_listing_filters_by_kind_and_depth(simulator: Simulator, token: str) -> None:
    create(simulator, token, [f"{HOME}/a/x", "contigs", {}, ">c"], [f"{HOME}/y", "txt", {}, ""])

    def ls(**flags: Any) -> set[str]:
        asked = {"paths": [f"{HOME}/"], **flags}
        return paths(simulator.rpc(token, "Workspace.ls", asked)[0].get(f"{HOME}/", []))

    assert ls() == {f"{HOME}/a", f"{HOME}/y"}
    assert ls(excludeDirectories=True) == {f"{HOME}/y"}
    assert ls(recursive=True, query={"type": ["contigs"]}) == {f"{HOME}/a/x"}


def test_one_missing_object_fails_the_whole_get(simulator: Simulator, token: str) -> None:
    create(simulator, token, [f"{HOME}/x", "txt", {}, ""])

    with pytest.raises(Refused, match=r"^_ERROR_Object not found!_ERROR_$"):
        simulator.rpc(token, "Workspace.get", {"objects": [f"{HOME}/x", f"{HOME}/y"]})


def test_an_expired_token_reads_as_nobody_and_may_not_write(simulator: Simulator) -> None:
    expired = simulator.token(ALICE, seconds=-1)

    with pytest.raises(Refused, match=r"User lacks permission to alice@patricbrc.org/home"):
        simulator.rpc(expired, "Workspace.ls", {"paths": [HOME]})
    with pytest.raises(Refused, match=r"^Token validation failed: Token expired"):
        create(simulator, expired, [f"{HOME}/x", "txt", {}, ""])


def test_others_read_what_they_are_allowed_to(simulator: Simulator, token: str) -> None:
    create(simulator, token, [f"{HOME}/x", "txt", {}, "text"])
    bob = simulator.token(BOB)
    with pytest.raises(Refused, match=r"User lacks permission"):
        get(simulator, bob, f"{HOME}/x")

    grant = {"path": HOME, "permissions": [[BOB, "r"]]}
    simulator.rpc(token, "Workspace.set_permissions", grant)

    assert get(simulator, bob, f"{HOME}/x")[1] == "text"
    with pytest.raises(Refused, match=r"User lacks permission"):
        create(simulator, bob, [f"{HOME}/y", "txt", {}, ""])
    listed = simulator.rpc(token, "Workspace.list_permissions", {"objects": [HOME]})
    assert listed == [{HOME: [["global_permission", "n"], [BOB, "r"]]}]


def uuid_at(simulator: Simulator, token: str, path: str) -> str:
    return str(get(simulator, token, path)[0][4])


def test_a_move_keeps_the_uuid_and_all_else_makes_another_one(
    simulator: Simulator, token: str
) -> None:
    path, other = f"{HOME}/in/x.fasta", f"{HOME}/other/y.fasta"
    simulator.put(token, path)
    first = uuid_at(simulator, token, path)
    simulator.rpc(token, "Workspace.copy", {"objects": [[path, other]]})
    copied = uuid_at(simulator, token, other)
    simulator.put(token, path)
    overwritten = uuid_at(simulator, token, path)
    move = {"objects": [[path, other]], "move": 1, "overwrite": 1}
    simulator.rpc(token, "Workspace.copy", move)
    assert uuid_at(simulator, token, other) == overwritten
    folder = {"objects": [[f"{HOME}/other", f"{HOME}/third"]], "move": 1, "recursive": 1}
    simulator.rpc(token, "Workspace.copy", folder)

    assert uuid_at(simulator, token, f"{HOME}/third/y.fasta") == overwritten
    assert len({first, copied, overwritten}) == 3
    for gone in (path, other):
        with pytest.raises(Refused, match="not found"):
            get(simulator, token, gone)


def test_results_tell_what_they_were_made_from(simulator: Simulator, token: str) -> None:
    path = f"{HOME}/c.fasta"
    made = []
    for name, content in (("a", ">c\nA\n"), ("b", ">c\nA\n"), ("c", ">c\nG\n")):
        create(simulator, token, [path, "contigs", {}, content], overwrite=1)
        run(simulator, token, "GenomeAnnotation", {**ANNOTATION, "output_file": name})
        text = get(simulator, token, f"{HOME}/out/.{name}/{name}.contigs.fasta")[1]
        made.append(text.splitlines()[0])

    assert made[0] == made[1] != made[2]


def test_objects_are_copied_moved_deleted_and_described_anew(
    simulator: Simulator, token: str
) -> None:
    create(simulator, token, [f"{HOME}/a/x", "txt", {}, "text"])

    copy = {"objects": [[f"{HOME}/a", f"{HOME}/b"]], "recursive": 1, "move": 1}
    simulator.rpc(token, "Workspace.copy", copy)
    change = {"objects": [[f"{HOME}/b/x", {"seen": 1}]]}
    simulator.rpc(token, "Workspace.update_metadata", change)

    meta, data = get(simulator, token, f"{HOME}/b/x")
    assert (meta[7], data) == ({"seen": 1}, "text")
    remove = {"objects": [f"{HOME}/b"], "deleteDirectories": 1, "force": 1}
    simulator.rpc(token, "Workspace.delete", remove)
    assert simulator.rpc(token, "Workspace.ls", {"paths": [HOME]}) == [{}]


def test_a_download_url_needs_no_token(simulator: Simulator, token: str) -> None:
    create(simulator, token, [f"{HOME}/x", "txt", {}, "text"])

    asked = {"objects": [f"{HOME}/x"]}
    url = simulator.rpc(token, "Workspace.get_download_url", asked)[0][0]

    assert requests.get(url, timeout=60).text == "text"


def test_kinds_nobody_knows_are_refused(simulator: Simulator, token: str) -> None:
    with pytest.raises(Refused, match="Invalid type submitted!"):
        create(simulator, token, [f"{HOME}/x", "spaceship", {}, ""])


def test_a_job_leaves_its_outputs_and_a_result(simulator: Simulator, token: str) -> None:
    job = run(simulator, token, "GenomeAnnotation", ANNOTATION)

    meta, text = get(simulator, token, f"{HOME}/out/ann")

    result = json.loads(text)
    assert (meta[1], result["success"], result["id"]) == ("job_result", 1, job)
    genome = result["job_output"]["genome_id"]
    assert meta[7]["task_data"]["genome_id"] == genome == f"562.{job}"
    files = {path for path, _uuid in result["output_files"]}
    assert f"{HOME}/out/.ann/ann.genome" in files
    for path in files:
        get(simulator, token, path)


def test_a_failed_job_leaves_a_result_that_says_so(simulator: Simulator, token: str) -> None:
    run(simulator, token, "GenomeAnnotation", ANNOTATION, outcome="failed", stderr="no memory")

    result = json.loads(get(simulator, token, f"{HOME}/out/ann")[1])

    assert result["success"] == 0
    assert get(simulator, token, f"{HOME}/out/.ann/JobFailed.txt")[1] == "no memory"
    with pytest.raises(Refused, match="Object not found!"):
        get(simulator, token, f"{HOME}/out/.ann/ann.genome")


def test_a_job_whose_token_expired_leaves_nothing(simulator: Simulator, token: str) -> None:
    simulator.app(queue_seconds=0, run_seconds=100, lag_seconds=0)
    short = simulator.token(ALICE, seconds=50)
    simulator.rpc(short, "AppService.start_app2", "GenomeAnnotation", ANNOTATION, {})
    simulator.advance(101)

    with pytest.raises(Refused, match="Object not found!"):
        get(simulator, token, f"{HOME}/out/ann")


def test_outputs_are_there_before_the_status_says_so(simulator: Simulator, token: str) -> None:
    simulator.app(queue_seconds=0, run_seconds=0, lag_seconds=60)
    row = simulator.rpc(token, "AppService.start_app2", "GenomeAnnotation", ANNOTATION, {})[0]
    job = str(row["id"])

    shown = simulator.rpc(token, "AppService.query_tasks", [job])[0][job]

    assert shown["status"] == "in-progress"
    assert json.loads(get(simulator, token, f"{HOME}/out/ann")[1])["success"] == 1


def test_a_preflight_may_look_for_inputs(simulator: Simulator, token: str) -> None:
    simulator.switch(check_inputs=True)
    submit = ("AppService.start_app2", "GenomeAnnotation", ANNOTATION, {})

    with pytest.raises(Refused, match='Can\'t call method "size" on an undefined value'):
        simulator.rpc(token, *submit)
    create(simulator, token, [ANNOTATION["contigs"], "contigs", {}, ">c\nA"])

    assert simulator.rpc(token, *submit)[0]["state_code"] == "Q"


def test_an_annotated_genome_gets_into_the_index_later(simulator: Simulator, token: str) -> None:
    simulator.switch(index_seconds=600.0)
    job = run(simulator, token, "GenomeAnnotation", ANNOTATION)
    query = f"eq(genome_id,562.{job})&eq(feature_type,CDS)&select(pgfam_id)&limit(200)"

    def families() -> int:
        records = requests.get(f"{simulator.api_url}/genome_feature/?{query}", timeout=60).json()
        return sum(bool(record.get("pgfam_id")) for record in records)

    assert families() == 0
    simulator.advance(601)
    assert families() > 10


def test_the_data_api_counts_selects_and_pages(simulator: Simulator) -> None:
    simulator.genome("83332.12", name="M. tuberculosis", pgfams=3)
    url = f"{simulator.api_url}/genome_feature/"

    answer = requests.get(
        f"{url}?and(eq(genome_id,83332.12),ne(pgfam_id,PGF_00000001))&select(pgfam_id)&limit(1,1)",
        timeout=60,
    )

    assert answer.json() == [{"pgfam_id": "PGF_00000003"}]
    assert answer.headers["Content-Range"] == "items 1-2/39"
    genomes = requests.get(f"{simulator.api_url}/genome/?in(genome_id,(83332.12,1.1))", timeout=60)
    assert [genome["genome_name"] for genome in genomes.json()] == ["M. tuberculosis"]


def test_similar_genomes_are_found_without_a_token(simulator: Simulator) -> None:
    ask = "Minhash.compute_genome_distance_for_genome2"

    hits = simulator.rpc("", ask, "83332.12", 1, 0.02, 3, 1, 1, 1, 1)[0]

    assert len(hits) == 3
    assert [hit[1] for hit in hits] == sorted(hit[1] for hit in hits)
    assert simulator.rpc("", ask, "83332.12", 1, 0.02, 3, 1, 1, 1, 1)[0] == hits
    with pytest.raises(Refused):
        simulator.rpc("", "Minhash.compute_genome_distance_for_fasta2", f"{HOME}/x", 1, 1, 3)
