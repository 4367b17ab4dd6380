"""How work grows with its input, by counters that are the same on every machine."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from math import log
from types import FrameType
from typing import Any

LINEAR = 1.15
"""An exponent that is no higher is linear: a sort, or a table that grows, costs a little more."""


def instructions(work: Callable[[], object]) -> int:
    """The bytecode instructions that this thread executes for ``work``; what the garbage collector
    finalizes meanwhile, left over by other tests, is not among them.
    """
    count = 0

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        if event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        elif event == "opcode":
            count += 1
        return trace

    # Python 3.12 reports instructions only if a frame asks for them before tracing begins.
    sys._getframe().f_trace_opcodes = True
    before, collects = sys.gettrace(), gc.isenabled()
    gc.disable()  # no finalizer of what former tests have left runs in between
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
        if collects:
            gc.enable()
    return count


def exponent(prepare: Callable[[int], Callable[[], object]], small: int, large: int) -> float:
    """How the instructions of a work grow: 1 where twice the size costs twice as many, 2 where it
    costs four times as many. ``prepare`` makes the work of a size; the first run fills caches, and
    from Python 3.13 on it also marks the code whose instructions are counted.
    """
    instructions(prepare(small))
    few, many = (instructions(prepare(size)) for size in (small, large))
    return log(many / few) / log(large / small)
