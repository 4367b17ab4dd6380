"""Tells why a job failed, in one sentence that says what to do: a table of known endings as data.

``endings.json`` beside this file lists them; the first that fits counts. An ending fits by the
cluster's word, by AppService's word, by the exit code or by a text that the job wrote; those with
``always`` are chosen by name, where nothing more is known. The texts are those of Slurm, of the
tools that the apps run, and of BV-BRC's own services (protocol.md 1.4 and 2.2).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any, Final

LONGEST: Final = 600
"""Characters of a sentence."""
QUOTED: Final = 200
"""Characters of a line that is quoted."""
LINES: Final = 60
"""Lines at the end of a text in which a known ending is looked for: what a tool complained of
earlier it survived."""
_LINE: Final = 2_000
"""Characters of a line that are looked at."""
_WAIT_STATUS: Final = 256
"""From here on an exit code is a wait status: the code is in its upper byte (capture 288)."""
_TOOLS: Final = tuple(
    map(
        re.compile,
        (
            r"system call for: \"?\[?'?(?P<tool>[^'\",\s\]]+).*?OS return value: (?P<code>\d+)",
            r"Command '?\[?'?(?P<tool>[^'\",\s\]]+).*?non-zero exit status (?P<code>\d+)",
            r"(?:Error|Failure|Failed|failed) (?:running|invoking|executing|to run)"
            r"(?: command| cmd)?[:=]? ?[\"'\[]*(?P<tool>[\w./+-]+)",
        ),
    )
)
"""How a text names the program that failed, and its exit code: of SPAdes, Python and Perl."""
_ERROR: Final = re.compile(
    r"\b(?:error|fatal|exception|cannot|can't|could not|failed|failure|not found|invalid|no such"
    r"|does not|died|abort(?:ed)?|denied|unable)\b|Error\b",
    re.IGNORECASE,
)
_NOISE: Final = re.compile(
    r"\s*(?:\+ |at \S+ line \d+|\S+::\S+\(.*called at|srun:|Traceback|File \"|[-=*#]+\s*$)"
)
_PLACE: Final = re.compile(r"\s+at \S+ line \d+\b.*")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a job that failed. Texts are masked already; empty where there is none."""

    job_id: str
    app: str
    word: str = ""
    """AppService's own word for its end: ``failed``, ``deleted``, ``Terminated``, …"""
    started: bool = True
    """Whether it has a start time."""
    exit_code: int | None = None
    cluster_status: str = ""
    """Slurm's word: ``OUT_OF_MEMORY``, ``TIMEOUT``, …"""
    memory: str = ""
    """What it asked for: ``48G``."""
    runtime: timedelta = timedelta(0)
    """What it asked for; zero where that is not known."""
    stderr: str = ""
    stdout: str = ""
    note: str = ""
    """The text of ``JobFailed.txt``, or what its job_result says."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """What could not be read, and why."""

    @property
    def texts(self) -> tuple[str, ...]:
        """What it wrote, the most telling first."""
        return tuple(text for text in (self.note, self.stderr, self.stdout) if text.strip())


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job ended."""

    name: str
    sentence: str
    certain: bool
    """False if more evidence might tell more."""


def judge(evidence: Evidence) -> Ending:
    """The first known ending that fits; else what is known of it."""
    for entry in endings():
        line = _fitting_line(entry, evidence)
        if line is not None:
            return _ending(entry, evidence, line, certain=True)
    entry = endings_by_name()[_without_pattern(evidence)]
    return _ending(entry, evidence, _telling_line(evidence.texts), certain=False)


def tell(name: str, **values: str) -> str:
    """The sentence of an ending that is known without evidence: ``lost``, ``refused``, …"""
    return _compose(endings_by_name()[name], values, [], "")


def advice(name: str, **values: str) -> str:
    """What to do after that ending, as its sentence says it."""
    found: str = endings_by_name()[name]["do"]
    return f"{found.format_map({'job': '', **values})}."


def tell_lost(job_id: str, since: datetime) -> str:
    return tell("lost", job=job_id, since=f"{since:%Y-%m-%d %H:%M} UTC")


def exit_code(text: str) -> int | None:
    """The exit code that a job's wrapper reported; None for anything that is none."""
    if not text.strip().isdecimal():
        return None
    code = int(text)
    return code // _WAIT_STATUS if code >= _WAIT_STATUS else code


@cache
def endings() -> tuple[Mapping[str, Any], ...]:
    """The table, in its order."""
    text = resources.files("workflows.rules").joinpath("endings.json").read_text("utf-8")
    return tuple(json.loads(text))


@cache
def endings_by_name() -> Mapping[str, Mapping[str, Any]]:
    return {entry["name"]: entry for entry in endings()}


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)


def _fitting_line(entry: Mapping[str, Any], evidence: Evidence) -> str | None:
    """The line to quote where the ending fits, maybe an empty one; None where it does not."""
    if "always" in entry or evidence.app not in entry.get("apps", (evidence.app,)):
        return None
    if evidence.cluster_status in entry.get("cluster", ()) or evidence.word in entry.get(
        "words", ()
    ):
        return _telling_line(evidence.texts)
    if evidence.exit_code in entry.get("exit_codes", ()):
        return _telling_line(evidence.texts)
    if "text" in entry:
        return _line_with(_pattern(entry["text"]), evidence.texts)
    return None


def _line_with(pattern: re.Pattern[str], texts: Iterable[str]) -> str | None:
    """The last line that the pattern is found in."""
    for text in texts:
        for line in reversed(_last_lines(text)):
            if pattern.search(line):
                return _tidy(line)
    return None


def _last_lines(text: str) -> list[str]:
    return [line[:_LINE] for line in text.splitlines() if line.strip()][-LINES:]


def _telling_line(texts: Iterable[str]) -> str:
    """The last line that speaks of an error; else the last one at all."""
    last = ""
    for text in texts:
        lines = [line for line in _last_lines(text) if not _NOISE.match(line)]
        for line in reversed(lines):
            if _ERROR.search(line):
                return _tidy(line)
        last = last or (lines[-1] if lines else "")
    return _tidy(last)


def _tidy(line: str) -> str:
    """One line for people: no control characters, no place in a program, not too long."""
    plain = "".join(char if char.isprintable() else " " for char in line)
    plain = " ".join(_PLACE.sub("", plain).split()).rstrip(".;:")
    return plain if len(plain) <= QUOTED else f"{plain[: QUOTED - 1]}…"


def _without_pattern(evidence: Evidence) -> str:
    """The ending of a job that fits none of the known ones."""
    if evidence.texts or evidence.exit_code not in (None, 0):
        return "app's own error"
    if evidence.unread:
        return "no reason to be had"
    return "left nothing" if evidence.started else "never started"


def _ending(entry: Mapping[str, Any], evidence: Evidence, line: str, *, certain: bool) -> Ending:
    tool, code = _failed_tool(evidence)
    known = code if code is not None else evidence.exit_code
    values = {
        "job": evidence.job_id,
        "app": evidence.app,
        "tool": tool,
        "unread": "; ".join(f"{part}: {why}" for part, why in evidence.unread.items()),
    }
    facts = {
        "memory": f"{_gigabytes(evidence.memory)} asked" if evidence.memory else "",
        "runtime": f"{_hours(evidence.runtime)} asked" if evidence.runtime else "",
        "exit code": f"exit code {known}" if known is not None else "",
        "cluster's word": evidence.cluster_status,
    }
    shown = [facts[name] for name in entry["facts"] if facts[name]]
    sentence = _compose(entry, values, shown, line if entry.get("quotes") else "")
    return Ending(entry["name"], sentence, certain)


def _compose(
    entry: Mapping[str, Any], values: Mapping[str, str], facts: Sequence[str], line: str
) -> str:
    """``What happened (facts): “the line”; what to do.`` What to do is never cut."""
    says = entry["says"].format_map(values).rstrip(".")
    says += f" ({', '.join(facts)})" if facts else ""
    says += f": “{line}”" if line else ""
    plain = "".join(char if char.isprintable() else " " for char in says)
    what_to_do = ("; " if line or ": " in says else ": ") + advice(entry["name"], **values)
    room = LONGEST - len(what_to_do)
    return (plain if len(plain) <= room else f"{plain[: room - 1]}…") + what_to_do


def _failed_tool(evidence: Evidence) -> tuple[str, int | None]:
    """The program that failed and its exit code; the app where no text names one."""
    for line in (line for text in evidence.texts for line in reversed(_last_lines(text))):
        for pattern in _TOOLS:
            if found := pattern.search(line):
                groups = found.groupdict()
                name = groups["tool"].rpartition("/")[2]
                return f"`{name}`", int(groups["code"]) if groups.get("code") else None
    return evidence.app, None


def _gigabytes(memory: str) -> str:
    """``48G`` as people write it."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT])B?", memory.strip(), re.IGNORECASE)
    return f"{found[1]} {found[2].upper()}B" if found else memory


def _hours(runtime: timedelta) -> str:
    minutes = round(runtime.total_seconds() / 60)
    hours, rest = divmod(minutes, 60)
    return " ".join([*([f"{hours} h"] if hours else []), *([f"{rest} min"] if rest else [])])
