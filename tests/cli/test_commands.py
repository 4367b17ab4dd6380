"""Every command against the running product, over HTTP."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import termios
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.conftest import Terminal
from tests.product import ALICE, BOB, GROUP, Product, document
from tests.shared import ROOT

pytestmark = GROUP
TWO = {"first": "", "second": "first"}


def test_a_workflow_is_submitted_and_watched_to_its_end(terminal: Terminal) -> None:
    result = terminal("submit", terminal.file(document(TWO)), "--watch")

    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("wf_")
    assert lines[-1].endswith("Workflow completed successfully")


def test_a_submission_with_the_same_key_starts_nothing_twice(terminal: Terminal) -> None:
    file = terminal.file(document(TWO))

    ids = {terminal("submit", file, "--key", "k1").stdout for _ in range(2)}

    assert len(ids) == 1


def test_the_provenance_is_saved_as_a_file(
    terminal: Terminal, product: Product, tmp_path: Path
) -> None:
    workflow = product.submit(document(TWO))
    product.ends(workflow)
    file = tmp_path / "out.zip"

    result = terminal("crate", workflow, "-o", str(file))

    assert result.exit_code == 0, result.output
    with zipfile.ZipFile(file) as crate:
        assert {"ro-crate-metadata.json", "workflow.json", "README.md"} == {*crate.namelist()}
    assert terminal("crate", workflow, "-o", str(tmp_path / "none" / "x.zip")).exit_code == 2


def test_a_failure_says_why_and_what_to_do(terminal: Terminal, product: Product) -> None:
    oom = {"outcome": "failed", "cluster_status": "OUT_OF_MEMORY", "stderr": "a\tb\x1b[2J\n"}
    product.simulator.app("*", output_file="first*", run_seconds=0, **oom)
    result = terminal("submit", terminal.file(document({"first": ""})), "--watch")
    workflow = result.stdout.splitlines()[0]

    assert result.exit_code == 10
    assert "reason=Ran out of memory (1 GB asked, exit code 137)" in result.stdout
    assert "Step 'first' failed: Ran out of memory" in result.stderr
    for command in ("status", "explain"):
        assert "give it less data" in " ".join(terminal(command, workflow).stdout.split())
    assert terminal("stderr", workflow, "first").stdout == "a\tb�[2J\n"
    assert terminal("stdout", workflow, "first", "--attempt", "1").stdout == "Running Date\n"
    assert json.loads(terminal("stderr", workflow, "first", "--json").stdout)["stderr"][0] == "a"
    assert terminal("stderr", workflow, "first", "--attempt", "2").exit_code == 5


def test_a_refused_workflow_shows_where_and_why(terminal: Terminal) -> None:
    wrong = document(TWO)
    wrong["steps"][1]["depends_on"] = ["frist"]

    result = terminal("submit", terminal.file(wrong))

    assert result.exit_code == 3
    assert result.stdout == ""
    assert "steps[1].depends_on" in result.stderr
    assert "frist" in result.stderr


def test_a_refusal_as_json_is_the_apis_body(terminal: Terminal) -> None:
    result = terminal("validate", "--json", "-", given="{")

    assert result.exit_code == 3
    assert "is no JSON" in json.loads(result.stdout)["detail"]


def test_a_valid_workflow_is_told_to_be_valid(terminal: Terminal) -> None:
    result = terminal("validate", terminal.file(document(TWO)))

    assert result.exit_code == 0
    assert "validated successfully" in result.stdout


def test_status_and_list_show_a_workflow_to_its_owner_only(
    terminal: Terminal, product: Product
) -> None:
    workflow = product.submit(document(TWO, name="seen by its owner"))

    status = terminal("status", workflow, "--json")
    listed = terminal("list", "--name", "seen by its owner", "--json")
    others = terminal("list", "--json", user=BOB)

    assert json.loads(status.stdout)["workflow_id"] == workflow
    assert [each["workflow_id"] for each in json.loads(listed.stdout)["workflows"]] == [workflow]
    assert json.loads(others.stdout)["workflows"] == []
    assert terminal("log", workflow, user=BOB).exit_code == 4
    assert "first" in terminal("status", workflow).stdout


def test_a_list_goes_on_over_pages_until_its_limit(terminal: Terminal, product: Product) -> None:
    for _ in range(3):
        product.submit(document({"a": ""}, name="many"))

    found = json.loads(terminal("list", "--name", "many", "-n", "2", "--json").stdout)

    assert len(found["workflows"]) == 2
    assert found["next_page_token"]


def test_a_waiting_step_is_explained(terminal: Terminal, product: Product) -> None:
    product.simulator.app("*", run_seconds=3600)
    workflow = product.submit(document(TWO))
    product.reaches(workflow, "first", "running")

    result = terminal("explain", workflow)

    assert result.exit_code == 0
    assert "It waits for step 'first' to succeed." in result.stdout
    terminal("cancel", workflow)


def test_the_forecast_of_an_app_without_history_says_so(
    terminal: Terminal, product: Product
) -> None:
    product.simulator.app("*", run_seconds=3600)
    found = document({"nap": ""})
    found["steps"][0] |= {"app": "Sleep", "params": {"sleep_time": 60}}  # no other test runs it
    workflow = product.submit(found)

    result = terminal("forecast", workflow)

    assert result.exit_code == 0
    assert "too few jobs have run" in result.stdout
    assert json.loads(terminal("forecast", workflow, "--json").stdout)["workflow_id"] == workflow
    terminal("cancel", workflow)


def test_reuse_is_asked_for_and_explained(terminal: Terminal) -> None:
    result = terminal("submit", terminal.file(document(TWO)), "--reuse", "--watch")

    assert result.exit_code == 0
    assert "their files stay where those jobs left them" in result.stderr
    workflow = result.stdout.splitlines()[0]
    assert "Results of Date are never reused." in terminal("reuse", workflow, "first").stdout
    without = terminal("submit", terminal.file(document(TWO)), "--no-reuse")
    assert "stay" not in without.stderr
    told = terminal("reuse", without.stdout.strip(), "first", "--json")
    assert json.loads(told.stdout)["outcome"] in {"waiting", "not_asked"}


def test_a_cancelled_workflow_gives_its_own_exit_code_and_can_be_taken_up(
    terminal: Terminal, product: Product
) -> None:
    product.simulator.app("*", run_seconds=3600)
    workflow = product.submit(document(TWO))
    product.reaches(workflow, "first", "running")

    cancelled = terminal("cancel", workflow)
    watched = terminal("watch", workflow, "--json")

    assert "never started" in cancelled.stdout
    assert watched.exit_code == 11
    assert json.loads(watched.stdout.splitlines()[0])["id"] == 1
    product.simulator.clear_rules()
    product.simulator.app("*", run_seconds=1)
    assert terminal("retry", workflow).exit_code == 0
    assert terminal("watch", workflow).exit_code == 0
    assert terminal("cancel", workflow).exit_code == 6


def test_a_failed_workflow_gives_its_own_exit_code(terminal: Terminal, product: Product) -> None:
    product.simulator.app("*", run_seconds=1, outcome="failed")

    result = terminal("submit", terminal.file(document(TWO)), "--watch")

    assert result.exit_code == 10
    assert "will not run" in result.stdout


def test_a_cwl_workflow_is_submitted_with_its_inputs(terminal: Terminal, product: Product) -> None:
    examples = ROOT / "examples/cwl"

    result = terminal(
        "submit-cwl",
        str(examples / "assemble_annotate.cwl"),
        str(examples / "assemble_annotate.inputs.yaml"),
        *("--name", "mine", "--label", "project:outbreak-7", "--max-parallel-steps", "3"),
        *("--on-failure", "cancel", "--json"),
    )

    assert result.exit_code == 0, result.output
    workflow_id = json.loads(result.stdout)["workflow_id"]
    assert product.ends(workflow_id) == "succeeded"
    found = product.ask("GET", f"/workflows/{workflow_id}")
    assert (found["workflow_name"], found["labels"]) == ("mine", {"project": "outbreak-7"})


def test_files_that_a_document_names_go_with_it(terminal: Terminal) -> None:
    document = str(ROOT / "examples/cwl/scatter_annotate.cwl")
    inputs = terminal.file({"contigs": [], "runs": ["SRR1"], "scientific_name": "E"})

    result = terminal("submit-cwl", document, inputs, "--watch")

    assert result.exit_code == 0, result.output
    assert "Step 'annotate__1' added" in result.stdout


def test_what_is_no_yaml_is_refused_at_once(terminal: Terminal) -> None:
    result = terminal("submit-cwl", terminal.file("a: [", "broken.cwl"))

    assert result.exit_code == 3
    assert "is no YAML" in result.stderr


def test_the_log_is_followed_to_the_end(terminal: Terminal, product: Product) -> None:
    workflow = product.submit(document(TWO))

    followed = terminal("log", "-f", workflow)

    assert followed.stdout.endswith("Workflow completed successfully\n")
    assert terminal("log", workflow).stdout == followed.stdout
    assert terminal("log", "--tail", "1", workflow).stdout.count("\n") == 1


def test_the_token_is_named_and_handed_in(terminal: Terminal, product: Product) -> None:
    workflow = product.submit(document(TWO))

    told = terminal("token")
    handed = terminal("token", workflow, "--json")

    assert told.stdout.startswith("alice@bvbrc (from $BVBRC_TOKEN), expires ")
    assert json.loads(handed.stdout)["user"] == "alice@bvbrc"
    assert terminal("token", workflow, user=BOB).exit_code == 4


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["status", "wf_none"], 5),
        (["retry", "wf_none"], 5),
        (["--token-file", "/nowhere/token", "list"], 2),
        (["--url", "http://127.0.0.1:1", "list"], 7),
        (["--url", "nonsense", "list"], 2),
    ],
)
def test_failures_have_the_promised_exit_codes(
    terminal: Terminal, command: list[str], code: int
) -> None:
    result = terminal(*command)

    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output


def test_without_a_token_the_list_says_what_is_needed(terminal: Terminal) -> None:
    result = terminal("list", user=None)

    assert result.exit_code == 4
    assert "token" in result.stderr


def test_the_shell_completes_the_users_workflows(terminal: Terminal, product: Product) -> None:
    workflow = product.submit(document({"a": ""}, name="completed"))
    variables = {
        **os.environ,
        "_BVBRC_WORKFLOWS_COMPLETE": "bash_complete",
        "COMP_WORDS": f"bvbrc-workflows status {workflow[:10]}",
        "COMP_CWORD": "2",
        "BVBRC_WORKFLOWS_URL": product.url,
        "BVBRC_TOKEN": product.token(),
    }

    offered = subprocess.run(
        [sys.executable, "-m", "cli"], cwd=ROOT, env=variables, capture_output=True, text=True,
        check=False,
    )  # fmt: skip

    assert offered.stdout == f"plain,{workflow}\n", offered.stderr
    assert "_BVBRC_WORKFLOWS_COMPLETE=bash_complete" in terminal("completion", "bash").stdout


def test_a_terminal_shows_the_tree_until_the_end(product: Product) -> None:
    workflow = product.submit(document(TWO, name="in a terminal"))
    variables = {
        **os.environ,
        "BVBRC_WORKFLOWS_URL": product.url,
        "BVBRC_TOKEN": product.token(),
        "TERM": "xterm-256color",
    }

    code, shown = in_a_terminal(["watch", workflow], variables)

    assert code == 0, shown
    last = shown[shown.rindex("in a terminal") :]
    assert "✔ second" in last
    assert "2 of 2 steps have ended" in last


def in_a_terminal(arguments: list[str], variables: dict[str, str]) -> tuple[int, str]:
    """The exit code, and everything that was written to a terminal of 120 by 40."""
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (40, 120))
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", *arguments],
        cwd=ROOT, env=variables, stdin=follower, stdout=follower, stderr=follower,
    )  # fmt: skip
    os.close(follower)
    written = b""
    with suppress(OSError):  # the terminal is gone when its last user has ended
        while part := os.read(leader, 65_536):
            written += part
    os.close(leader)
    return process.wait(60), written.decode()


def test_an_ended_workflow_is_deleted(terminal: Terminal, product: Product) -> None:
    product.simulator.app("*", run_seconds=None)
    workflow = product.submit(document({"first": ""}))
    assert terminal("delete", workflow).exit_code == 6
    product.finish(workflow, "first")
    product.ends(workflow)

    deleted = terminal("delete", workflow)

    assert (deleted.exit_code, deleted.stdout) == (0, f"Deleted {workflow}\n")
    assert terminal("status", workflow).exit_code == 5


def test_the_kept_token_is_forgotten(terminal: Terminal) -> None:
    # For some seconds another process of the API takes it for kept: whoever submits then waits.
    done = terminal("token", "--forget", "--json", user="fay@bvbrc")

    assert json.loads(done.stdout) == {"forgotten": "fay@bvbrc"}
    assert terminal("token", "--forget", "wf_0").exit_code == 2


def test_the_renewal_of_the_kept_token_is_chosen(terminal: Terminal) -> None:
    assert "does not renew" in terminal("token", "--no-renew").stdout
    assert json.loads(terminal("token", "--renew", "--json").stdout)["renew"] is True
    assert terminal("token", "--renew", "wf_0").exit_code == 2


def test_json_turns_no_text_around(terminal: Terminal, product: Product) -> None:
    workflow = product.submit(document(TWO, name="safe\u202egnp.exe"))

    shown = terminal("status", workflow, "--json").stdout

    assert json.loads(shown)["workflow_name"] == "safe\u202egnp.exe"
    assert all(char.isprintable() for char in shown.strip())


def test_all_that_a_filter_finds_are_acted_on(terminal: Terminal, product: Product) -> None:
    product.simulator.app("*", run_seconds=3600)
    ids = [product.submit(document({"a": ""}, name=f"Swarm {number}")) for number in range(2)]
    query = ("--name", "swarm", "--json")

    refused = terminal("many", "cancel", *query)
    nothing = terminal("many", "cancel", "--json")
    seen = json.loads(terminal("many", "cancel", *query, "--dry-run").stdout)
    done = terminal("many", "cancel", *query, "--yes")
    listed = terminal("list", *query, "--counts")

    assert refused.exit_code == nothing.exit_code == 2
    assert "2 workflows match" in refused.output
    assert {each["workflow_id"] for each in seen["outcomes"]} == {*ids}
    assert done.exit_code == 0, done.output
    assert [each["outcome"] for each in json.loads(done.stdout)["outcomes"]] == ["cancelled"] * 2
    assert json.loads(listed.stdout)["counts"] == {"cancelled": 2}
    assert "2 would delete" in terminal("many", "delete", "--name", "swarm", "--dry-run").stdout
    assert terminal("many", "retry", "--owner", BOB, "--yes").exit_code == 4


def test_a_workflow_is_retried_with_other_parameters(terminal: Terminal, product: Product) -> None:
    product.simulator.app("*", output_file="first*", run_seconds=0, outcome="failed")
    workflow = product.submit(document({"first": ""}))
    assert product.ends(workflow) == "failed"

    unknown = terminal("retry", workflow, "--param", "frist", "output_file", "second")
    result = terminal("retry", workflow, "--param", "first", "output_file", "second")

    assert unknown.exit_code == 3
    assert "did you mean 'first'?" in unknown.stderr
    assert result.exit_code == 0, result.output
    assert product.ends(workflow) == "succeeded"
    assert terminal("retry", workflow, "--from", "first").exit_code == 6


def test_a_result_is_saved_as_a_file(terminal: Terminal, product: Product, tmp_path: Path) -> None:
    found = document({"first": ""})
    found["steps"][0]["outputs"] = {"out": "${params.output_path}/.${params.output_file}/x.txt"}
    workflow = product.submit(found)
    product.ends(workflow)
    path = f"/{ALICE}/home/out/.first/x.txt"
    entry = {"objects": [[path, "txt", {}, "result\n"]], "overwrite": 1}
    product.simulator.rpc(product.token(), "Workspace.create", entry)
    target = tmp_path / "saved.txt"

    shown = terminal("outputs", workflow)
    result = terminal("download", workflow, path, "-o", str(target))
    absent = terminal("download", workflow, f"{path}x", "-o", str(tmp_path / "none"))

    assert "(7 bytes)" in shown.stdout
    assert result.exit_code == 0, result.output
    assert target.read_text() == "result\n"
    assert absent.exit_code == 5
    assert [each.name for each in tmp_path.iterdir() if "none" in each.name] == []
