"""Which control of a form takes a parameter's value; pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from workflows.spec.catalogue import Kind, Parameter
from workflows.spec.checks.apps import app_rules


class Widget(StrEnum):
    """A control, or a set of them."""

    LINE = "line"
    AREA = "area"
    """A long text."""
    NUMBER = "number"
    CHOICE = "choice"
    TRUTH = "truth"
    LINES = "lines"
    """Several values, one a line."""
    JSON = "json"
    GROUP = "group"
    """One group of members, each with a control of its own."""
    GROUPS = "groups"
    """Several of them, which can be added and removed."""
    RUNS = "runs"
    """The same with one text each: accessions of the archive of reads."""


_LONG: Final = ("fasta_data", "keyboard_input", "sequence_input")
"""How the names of parameters end that take whole sequences."""
_NUMBERS: Final = frozenset({Kind.INTEGER, Kind.NUMBER})
RUNS: Final = "srr_ids"


def widget_of(parameter: Parameter) -> Widget:
    """The control for a value of the parameter."""
    if parameter.kind is Kind.GROUP:
        return _group_widget(parameter)
    if parameter.id == RUNS:
        return Widget.RUNS
    if _takes_several(parameter):
        return Widget.LINES
    return _single_widget(parameter)


def _single_widget(parameter: Parameter) -> Widget:
    if parameter.kind is Kind.TRUTH:
        return Widget.TRUTH
    if parameter.choices:
        return Widget.CHOICE
    if parameter.kind in _NUMBERS:
        return Widget.NUMBER
    return Widget.AREA if parameter.id.endswith(_LONG) else Widget.LINE


def _group_widget(parameter: Parameter) -> Widget:
    members = parameter.members.values()
    if not members or any(member.kind is Kind.GROUP for member in members):
        return Widget.JSON
    several = parameter.multiple or parameter.id in app_rules.READS
    return Widget.GROUPS if several else Widget.GROUP


def _takes_several(parameter: Parameter) -> bool:
    several = parameter.kind is Kind.LIST or parameter.multiple
    return several or parameter.id in app_rules.LISTS_AS_TEXT
