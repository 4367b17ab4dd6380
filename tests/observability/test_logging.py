"""Log lines: one JSON object each, from every library, with the bound fields, and never a
secret."""

from __future__ import annotations

import fcntl
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from structlog.contextvars import bound_contextvars

from config.sections import Logging
from observability import celery_logging, log_output
from observability import logging as setup
from workflows.model.redaction import redact

TOKEN = (
    "un=ann@bvbrc|tokenid=3f0c2f2e-6a5d-4d55-9a3f-0d6f6f6c1a11|expiry=1893456000"
    "|client_id=ann@bvbrc|token_type=Bearer|scope=user"
    "|SigningSubject=https://user.patricbrc.org/public_key|sig=" + "0a1b2c3d" * 32
)
SECRETS = ("tokenid", "3f0c2f2e", "0a1b2c3d", "hunter2", "client_id")


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    structured = structlog.get_config()
    root.handlers = []
    with bound_contextvars(told_in="this test"):
        yield
    for handler in root.handlers:
        handler.close()
    root.handlers, root.level = before
    logging.captureWarnings(capture=False)
    structlog.configure(**structured)


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def own_lines(text: str) -> list[dict[str, object]]:
    """Those of this test: threads of former tests may log, too."""
    return [line for line in lines(text) if line.get("told_in") == "this test"]


def test_ours_and_the_libraries_lines_have_one_form(capsys: pytest.CaptureFixture[str]) -> None:
    setup.configure(Logging(), "worker")

    with bound_contextvars(request_id="r1", workflow_id="wf_1"):
        structlog.get_logger().info("step queued", step="assemble", attempt=1)
        logging.getLogger("celery.worker").warning("lost %s", "it", extra={"hostname": "h"})

    ours, theirs = own_lines(capsys.readouterr().out)
    assert ours["event"] == "step queued"
    assert (ours["step"], ours["attempt"]) == ("assemble", 1)
    assert theirs["event"] == "lost it"
    assert theirs["hostname"] == "h"
    for line in (ours, theirs):
        assert (line["request_id"], line["workflow_id"]) == ("r1", "wf_1")
        assert line["process"] == "worker"
        assert str(line["timestamp"]).endswith("Z")
    assert (ours["level"], theirs["level"]) == ("info", "warning")


def test_the_level_of_the_settings_holds(capsys: pytest.CaptureFixture[str]) -> None:
    setup.configure(Logging(level="WARNING"), "api")

    structlog.get_logger().info("quiet")
    logging.getLogger("x").info("quiet")
    structlog.get_logger().warning("loud")

    assert [line["event"] for line in own_lines(capsys.readouterr().out)] == ["loud"]


def test_no_secret_leaves_by_message_field_or_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    setup.configure(Logging(), "api")
    log = structlog.get_logger()

    log.info("got", text=TOKEN, deep={"headers": [{"Authorization": f"OAuth {TOKEN}"}]})
    logging.getLogger("lib").error("cannot reach %s", "mongodb://ann:hunter2@db:27017/")
    try:
        int(f"refused {TOKEN}")
    except ValueError:
        log.exception("failed")

    out = capsys.readouterr().out
    assert len(own_lines(out)) == 3
    assert not [secret for secret in SECRETS if secret in out]


def test_configuring_twice_does_not_double_the_lines(capsys: pytest.CaptureFixture[str]) -> None:
    setup.configure(Logging(), "api")
    setup.configure(Logging(), "api")

    structlog.get_logger().info("once")

    assert len(own_lines(capsys.readouterr().out)) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"token {TOKEN} is old", "token [token] is old"),
        ("Util::run('un=ann@bvbrc|tokenid=3f0c2f2e-6a5d-4', 1)", "Util::run('[token]', 1)"),
        (f'{{"t": "{TOKEN}"}}', '{"t": "[token]"}'),
        ("un%3Dann%40bvbrc%7Ctokenid%3D3f0c2f2e%7Csig%3D0a1b2c3d4e", "[token]"),
        ("rest |sig=0a1b2c3d4e5f of it", "rest [token] of it"),
        ("sealed gAAAAABnX" + "x" * 40 + "==", "sealed [sealed]"),
        ("redis://:hunter2@cache:6379/0", "redis://:[masked]@cache:6379/0"),
        ('{"Authorization": "Bearer abc.def"}', '{"Authorization": "[masked]"}'),
        ("password=hunter2 user=ann", "password=[masked] user=ann"),
    ],
)
def test_secrets_are_masked_in_any_text(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Submitted step 'assemble' to app 'GenomeAssembly2' | task_id=19542145",
        "steps[2].params.contigs: must be a string",
        "http://127.0.0.1:8000/api/v1/workflows/wf_1/status",
        '{"token_type": "Bearer", "run=1|x": 2}',
        "run=ann|x",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


PRINTER = """
import threading
import structlog
from observability.logging import configure
from config.sections import Logging
configure(Logging(), "api")
log = structlog.get_logger()
def tell(name):
    for number in range(200):
        log.info("told", name=name, number=number, more="x" * (50_000 if number % 20 == 0 else 50))
threads = [threading.Thread(target=tell, args=(name,)) for name in "abcdefgh"]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def test_lines_of_many_threads_stay_whole_in_a_pipe_that_is_full() -> None:
    process = subprocess.Popen([sys.executable, "-c", PRINTER], stdout=subprocess.PIPE)
    assert process.stdout
    fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)

    told = lines(process.stdout.read().decode())

    assert process.wait(60) == 0
    found = sorted((str(line["name"]), line["number"], len(str(line["more"]))) for line in told)
    assert found == [
        (name, number, 50_000 if number % 20 == 0 else 50)
        for name in "abcdefgh"
        for number in range(200)
    ]
    process.stdout.close()


LOGS = """
import logging, sys
from pathlib import Path
from config.sections import Logging
from observability.logging import configure
configure(Logging(), "worker", file=Path(sys.argv[1]))
for number in range(3):
    logging.getLogger("x").warning("line %s", number)
"""


@pytest.mark.parametrize("file", ["/dev/full", "/proc/no/folder/executor.log"])
def test_a_file_that_cannot_be_written_costs_one_line_and_no_line_of_standard_output(
    file: str,
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LOGS, file], capture_output=True, text=True, check=False, timeout=60
    )

    assert ended.returncode == 0
    written = [str(line["event"]) for line in lines(ended.stdout)]
    assert written[-3:] == ["line 0", "line 1", "line 2"]
    assert len(ended.stderr.splitlines()) + len(written[:-3]) == 1
    assert file in ended.stderr + ended.stdout


def test_a_log_file_and_the_former_ones_are_read_by_their_owner_alone(tmp_path: Path) -> None:
    handler = log_output.rotating_file(tmp_path / "executor.log")
    handler.emit(logging.makeLogRecord({"msg": "one"}))
    handler.doRollover()  # type: ignore[attr-defined]
    handler.close()

    assert [path.stat().st_mode & 0o077 for path in tmp_path.iterdir()] == [0, 0]


def test_each_process_of_a_host_writes_a_file_of_its_own() -> None:
    file = Path("logs/executor.log")

    names = ("celery", "beat", "polls", "odd/name")
    assert [celery_logging.file_of(file, name).name for name in names] == [
        "executor.log",
        "executor-beat.log",
        "executor-polls.log",
        "executor-odd_name.log",
    ]


def test_a_message_keeps_the_request_id_that_its_sender_names() -> None:
    named: dict[str, str] = {"request_id": "r-1"}
    unnamed: dict[str, str] = {}

    with bound_contextvars(request_id="r-2"):
        for headers in (named, unnamed):
            celery_logging.send_request_id(headers=headers)

    assert named == {"request_id": "r-1"}
    assert unnamed == {"request_id": "r-2"}
