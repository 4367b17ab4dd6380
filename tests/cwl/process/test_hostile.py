"""Documents that mean harm: refused, in the limited process in which the API has them planned."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cwl.planning import FOLDER, annotate, workflow
from workflows.backends.declared_apps import cwl_specs
from workflows.bvbrc.app_table import load
from workflows.cwl.bvbrc.submission import Plan, Submission
from workflows.cwl.process.planner import AppTable, Planner, PlannerDefect
from workflows.cwl.sandbox.sandbox import TOO_LONG, Sandbox, Script
from workflows.model.errors import Unavailable
from workflows.model.values import Json

CANARY = "canary-5b1f"
JS = "InlineJavascriptRequirement StepInputExpressionRequirement"


@pytest.fixture(scope="module")
def planner() -> Iterator[Planner]:
    """The process starts while the canary is in our environment."""
    os.environ["CANARY"] = CANARY
    planner = Planner(cpu_time=timedelta(seconds=30), wall_time=timedelta(seconds=60))
    try:
        yield planner
    finally:
        planner.close()
        del os.environ["CANARY"]


@pytest.fixture(scope="module")
def apps() -> AppTable:
    return AppTable(load(), helpers=cwl_specs())


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def plan(
    planner: Planner, apps: AppTable, document: Json, inputs: Json = None, **files: Json
) -> Plan:
    named = {name.replace("_", "."): content for name, content in files.items()}
    bundle = {"w.cwl": document, **named}
    return planner.plan(Submission(bundle, "w.cwl", inputs, workspace_output_folder=FOLDER), apps)


def codes(plan_: Plan) -> set[str]:
    return {problem.code for problem in plan_.problems}


def bomb() -> str:
    """A few hundred bytes that stand for a billion values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    for n in range(1, 10):
        lines.append(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]")
    return "\n".join(lines)


def scripted(expression: str) -> str:
    """A workflow whose one parameter is a JavaScript expression."""
    steps = f"""
  a:
    run: bvbrc://Sleep
    in: {{sleep_time: {{valueFrom: "{expression}"}}}}
    out: []
"""
    return workflow(steps, needs=JS)


NESTED: dict[str, Json] = {}
for _ in range(200):
    NESTED = {"a": NESTED}
DEEP_BLOCK = "\n".join(" " * n + "a:" for n in range(700))
CHAIN = "".join(
    f"  s{n}: {{run: 'bvbrc://Date', in: {{after: {before}}}, out: [now]}}\n"
    for n in range(2001)
    for before in [f"s{n - 1}/now" if n else "[]"]
)
EXPLOSION = """
  a:
    run: bvbrc://Sleep
    scatter: [x, y, z]
    scatterMethod: nested_crossproduct
    in: {x: xs, y: xs, z: xs}
    out: []
"""
DOUBLING = (
    """cwlVersion: v1.2
$graph:
"""
    + "".join(
        f"""- id: w{n}
  class: Workflow
  requirements: {{SubworkflowFeatureRequirement: {{}}}}
  inputs: []
  outputs: []
  steps: {{a: {{run: "#w{n + 1}", in: [], out: []}}, b: {{run: "#w{n + 1}", in: [], out: []}}}}
"""
        for n in range(40)
    )
    + "- {id: w40, class: Workflow, inputs: [], outputs: [], steps: []}\n"
)

HOSTILE: dict[str, tuple[Json, Json, str]] = {
    "alias bomb": (bomb(), None, "cwl.too_many_nodes"),
    "alias to itself": ("a: &a [*a]", None, "cwl.syntax"),
    "deep flow": ("[" * 5000, None, "cwl.too_deep"),
    "deep maps": ("{a: " * 5000, None, "cwl.too_deep"),
    "deep blocks": (DEEP_BLOCK, None, "cwl.too_deep"),
    "deep object": (NESTED, None, "cwl.too_deep"),
    "deep inputs": (workflow("  {}\n"), "[" * 5000, "cwl.too_deep"),
    "bomb of inputs": (workflow("  {}\n"), bomb(), "cwl.too_many_nodes"),
    "too large": ("#" * 2_000_000, None, "cwl.too_large"),
    "too many steps": (workflow(CHAIN), None, "cwl.too_many_steps"),
    "scatter explosion": (
        workflow(
            EXPLOSION, inputs="{xs: 'string[]'}", needs="ScatterFeatureRequirement " + JS
        ),
        {"xs": ["x"] * 1000},
        "cwl.too_many_steps",
    ),
    "doubling": (DOUBLING, None, "cwl.too_many_steps"),
    "long type": (
        workflow("  {}\n", inputs="{a: 'int" + "[]" * 5000 + "'}"),
        None,
        "cwl.unknown_type",
    ),
    "many wrong fields": (
        "cwlVersion: v1.2\nclass: Workflow\ninputs: []\noutputs: []\nsteps: []\n"
        + "".join(f"wrong{n}: 1\n" for n in range(20_000)),
        None,
        "cwl.unknown_field",
    ),
    "control characters": ("a: \x00\x01", None, "cwl.syntax"),
    "a tag": ("a: !!python/object/apply:os.system [id]", None, "cwl.missing_version"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_would_grow_is_refused(planner: Planner, apps: AppTable, name: str) -> None:
    document, inputs, code = HOSTILE[name]
    entry = "w0" if name == "doubling" else ""
    source = Submission({"w.cwl": document}, "w.cwl", inputs, entry, FOLDER)

    found = planner.plan(source, apps)

    assert codes(found) == {code}, [str(problem) for problem in found.problems]
    assert len(found.problems) <= 50
    assert sum(len(str(problem)) for problem in found.problems) < 20_000


SCRIPTS = {
    "endless": "${while (true) {}}",
    "regular expression": "${return /^(a+)+$/.test('a'.repeat(50) + 'b');}",
    "memory": "${var a = []; while (true) {a.push('x'.repeat(1e6));}}",
    "one long string": "${return 'x'.repeat(1e9);}",
    "large result": "$('x'.repeat(1e7))",
    "recursion": "${function f() {return f() + 1;} return f();}",
    "promises": "${function f() {return Promise.resolve().then(f);} f(); while (true) {}}",
    "thrown": "${throw {toString: function () {while (true) {}}};}",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_javascript_that_does_not_end_well_is_stopped(
    planner: Planner, apps: AppTable, name: str
) -> None:
    found = plan(planner, apps, scripted(SCRIPTS[name]))

    assert codes(found) == {"cwl.expression"}, [str(problem) for problem in found.problems]


TAMPERING = {
    "the list by its name": "${__touched.push(999); return 1;}",
    "push": "${Array.prototype.push = function () {this[0] = 999;}; return inputs.later;}",
    "setter": "${Object.defineProperty(Array.prototype, 0, {set: function () {}}); return 1;}",
    "join": "${Array.prototype.join = function () {return '999';}; return 1;}",
    "split": "${String.prototype.split = function () {return ['999'];}; return 1;}",
}


@pytest.mark.parametrize("name", TAMPERING)
def test_javascript_cannot_say_what_it_has_read(
    planner: Planner, apps: AppTable, name: str
) -> None:
    """It said that it had read the 999th unknown value, on which the planner ended."""
    found = plan(planner, apps, scripted(TAMPERING[name]))

    assert codes(found) <= {"cwl.expression", "cwl.wrong_type"}


def test_after_one_expression_was_interrupted_no_further_one_is_run() -> None:
    with Sandbox() as sandbox:
        first = sandbox.evaluate(Script("{while (true) {}}", (), {}, None, {}, []))
        second = sandbox.evaluate(Script("(1)", (), {}, None, {}, []))
        sandbox.renew(0)
        third = sandbox.evaluate(Script("(1)", (), {}, None, {}, []))

    assert "interrupted" in first.error
    assert second.error == TOO_LONG
    assert third.value == 1


def test_a_defect_of_the_planner_is_told_with_its_traceback() -> None:
    """It was answered as a busy machine, for ever."""
    broken, sound, planner = (
        AppTable(load(), helpers=cwl_specs()),
        AppTable(load(), helpers=cwl_specs()),
        Planner(),
    )
    broken.request = b'{"apps": {"specs": 1}}\n'
    try:
        with pytest.raises(PlannerDefect, match=r"Traceback(.|\n)*TypeError"):
            plan(planner, broken, workflow("  {}\n"))
        after = plan(planner, sound, workflow("  {}\n"))
    finally:
        planner.close()

    assert after.problems == ()


ESCAPES = {
    "process": "$(typeof process + typeof require + typeof Deno + typeof std + typeof os)",
    "constructor": "$(typeof this.constructor.constructor('return this')().process)",
    "globals": "$(Object.getOwnPropertyNames(globalThis).join(' '))",
    "import": "${import('std'); return 'x';}",
    "fetch": "$(typeof fetch + typeof XMLHttpRequest + typeof WebSocket)",
}


@pytest.mark.parametrize("name", ESCAPES)
def test_javascript_finds_nothing_to_get_hold_of(
    planner: Planner, apps: AppTable, name: str
) -> None:
    document = workflow(
        f"""
  a:
    run: bvbrc://Date
    in: {{output_file: {{valueFrom: "{ESCAPES[name]}"}}}}
    out: []
""",
        needs=JS,
    )

    found = plan(planner, apps, document)

    text = "".join(str(problem) for problem in found.problems) + str(found.document())
    assert CANARY not in text
    assert "root:" not in text
    for word in ("process", "require(", "object", "function "):
        assert word not in str([step.params for step in found.steps])


def test_an_expression_leaves_nothing_behind_for_the_next(planner: Planner, apps: AppTable) -> None:
    steps = """
  a:
    run: bvbrc://Date
    in:
      output_file: {valueFrom: "${globalThis.left = 'behind'; Array.prototype.x = 1; return 'a';}"}
    out: []
  b:
    run: bvbrc://Date
    in: {output_file: {valueFrom: "$(typeof left + [].x)"}}
    out: []
"""

    found = plan(planner, apps, workflow(steps, needs=JS))

    assert [step.params["output_file"] for step in found.steps] == ["a", "undefinedundefined"]


FETCHES = {
    "run": "{address}/tool.cwl",
    "import": {"$import": "{address}/tool.cwl"},
    "include": {"$include": "{address}/tool.cwl"},
    "disk": "file:///etc/passwd",
    "import from disk": {"$import": "file:///etc/passwd"},
    "include from disk": {"$include": "/etc/passwd"},
    "climb": "../../../../../../etc/passwd",
    "climb, quoted": "..%2f..%2f..%2fetc/passwd",
}


@pytest.mark.parametrize("name", FETCHES)
def test_nothing_is_fetched_or_read(
    planner: Planner, apps: AppTable, listener: socket.socket, name: str
) -> None:
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    run = FETCHES[name]
    filled = (
        run.format(address=address)
        if isinstance(run, str)
        else {key: value.format(address=address) for key, value in run.items()}
    )
    document = {
        "cwlVersion": "v1.2",
        "class": "Workflow",
        "$schemas": [f"{address}/schema.owl"],
        "$namespaces": {"s": f"{address}/"},
        "inputs": {"f": {"type": "File?", "format": f"{address}/format"}},
        "outputs": [],
        "steps": {"a": {"run": filled, "in": [], "out": []}},
    }

    found = plan(planner, apps, document)

    assert codes(found) <= {"cwl.outside_bundle", "cwl.file_not_in_bundle"}
    assert found.problems
    assert "root:" not in str(found)
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.parametrize("where", ["http://127.0.0.1/x", "file:///etc/passwd", "/etc/passwd"])
def test_a_file_outside_of_the_workspace_is_refused(
    planner: Planner, apps: AppTable, where: str
) -> None:
    document = workflow("  a:\n" + annotate("f"), inputs="{f: File}")

    found = plan(planner, apps, document, {"f": {"class": "File", "location": where}})

    assert codes(found) == {"cwl.file_location"}


def test_after_a_process_was_stopped_the_next_plan_is_made(apps: AppTable) -> None:
    planner = Planner(wall_time=timedelta(0))
    try:
        with pytest.raises(Unavailable, match="in time"):
            plan(planner, apps, workflow("  {}\n"))
        planner.wall_time = timedelta(seconds=60)
        after = plan(planner, apps, workflow("  {}\n"))
    finally:
        planner.close()

    assert after.problems == ()


def test_a_document_that_takes_too_much_cpu_is_to_blame(apps: AppTable) -> None:
    planner = Planner(cpu_time=timedelta(milliseconds=1))
    try:
        found = plan(planner, apps, workflow("  {}\n", inputs="[" + "a, " * 10_000 + "a]"))
    finally:
        planner.close()

    assert codes(found) == {"cwl.too_much_work"}


def test_a_busy_machine_fails_no_expression(apps: AppTable) -> None:
    """Its process gets no CPU for longer than the expression may take."""
    planner = Planner(wall_time=timedelta(seconds=60))
    try:
        plan(planner, apps, scripted("$(1)"))
        assert planner._child is not None
        (sandbox,) = _children(planner._child.pid)
        os.kill(sandbox, signal.SIGSTOP)
        threading.Timer(4, os.kill, (sandbox, signal.SIGCONT)).start()
        after = plan(planner, apps, scripted("$(2)"))
    finally:
        planner.close()

    assert after.problems == ()


def test_the_process_has_no_environment(planner: Planner, apps: AppTable) -> None:
    plan(planner, apps, scripted("$(1)"))
    child = planner._child
    assert child is not None

    pids = [child.pid, *_children(child.pid)]
    found = [Path(f"/proc/{pid}/environ").read_bytes() for pid in pids]

    assert len(found) == 2, "the planning process and the one for JavaScript"
    assert not any(found)


def _children(pid: int) -> list[int]:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [int(each) for one in threads for each in (one / "children").read_text().split()]
