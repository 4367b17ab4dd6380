"""Makes forecasts within a request.

A forecast is believed for a while, so that pages that follow a workflow live do not make it again
with every event. One user has one forecast under way in a process, and its CPU time counts as
checking does.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Final, Generic, TypeVar

from app.connections import connections
from app.http import metering
from app.http.auth import caller
from app.http.errors import QuotaExceeded
from app.quotas.slots import Slots
from workflows.engine.forecast import forecasts
from workflows.engine.forecast.forecasts import Made, MadeForBatch
from workflows.model.errors import TooManyRequests
from workflows.model.states import ACTIVE_WORKFLOW
from workflows.model.values import Spec
from workflows.rules.forecast.forecast import MOST_RUNS, Band
from workflows.store.batches.stored import StoredBatch
from workflows.store.workflows.stored import StoredWorkflow, WorkflowSummary

Value = TypeVar("Value")

_FRESH_SECONDS: Final = 20.0
"""How long a forecast serves while its workflow does not change."""
_CHANGED_SECONDS: Final = 3.0
"""How long it serves although its workflow has changed."""
_LIST_SECONDS: Final = 60.0
"""How long the end in a list serves."""
_LIST_STEPS: Final = 1_000
"""Steps of the workflows for which one request of a list makes forecasts; the others wait for the
next request. Of these 20 runs are made: about 40 ms."""
_KEPT: Final = 2_000
_SLOTS: Final = Slots(4, 1, "a forecast of yours is being made; try again in some seconds")


@dataclass(slots=True)
class _Kept(Generic[Value]):
    """The newest values, each with the mark of what it was made from."""

    values: OrderedDict[str, tuple[float, object, Value]] = field(default_factory=OrderedDict)
    lock: Lock = field(default_factory=Lock)

    def find(self, key: str, mark: object, fresh: float, changed: float) -> Value | None:
        with self.lock:
            found = self.values.get(key)
        if found is None:
            return None
        age = time.monotonic() - found[0]
        return found[2] if age < (fresh if found[1] == mark else changed) else None

    def keep(self, key: str, mark: object, value: Value) -> Value:
        with self.lock:
            self.values[key] = (time.monotonic(), mark, value)
            self.values.move_to_end(key)
            while len(self.values) > _KEPT:
                self.values.popitem(last=False)
        return value


_workflows: Final[_Kept[Made]] = _Kept()
_batches: Final[_Kept[MadeForBatch]] = _Kept()
_ends: Final[_Kept[End]] = _Kept()


@dataclass(frozen=True, slots=True)
class End:
    """When a workflow in a list is likely to end."""

    p50: datetime
    p90: datetime


def of_spec(spec: Spec, most_runs: int = MOST_RUNS) -> Made:
    """Raises ``QuotaExceeded``, ``TooManyRequests``."""
    context, name = connections().context, caller().name
    return _compute(lambda: forecasts.of_spec(context, name, spec, most_runs))


def of_workflow(workflow: StoredWorkflow) -> Made:
    """Raises as ``of_spec``."""
    found = _workflows.find(workflow.id, workflow.revision, _FRESH_SECONDS, _CHANGED_SECONDS)
    if found is not None:
        return found
    made = _compute(lambda: forecasts.of_workflow(connections().context, workflow))
    return _workflows.keep(workflow.id, workflow.revision, made)


def of_batch(batch: StoredBatch) -> MadeForBatch:
    """Raises as ``of_spec``."""
    mark = (batch.version, batch.updated_at)
    found = _batches.find(batch.id, mark, _FRESH_SECONDS, _CHANGED_SECONDS)
    if found is not None:
        return found
    made = _compute(lambda: forecasts.of_batch(connections().context, batch))
    return _batches.keep(batch.id, mark, made)


def for_page(make: Callable[[], Value]) -> Value | None:
    """A page is shown without a forecast where none may be made now."""
    try:
        return make()
    except (QuotaExceeded, TooManyRequests):
        return None


def ends_of(workflows: Sequence[WorkflowSummary]) -> dict[str, End]:
    """The likely ends of the active ones in a list, as far as they are known at a bounded cost."""
    found: dict[str, End] = {}
    wanted, steps = [], 0
    for each in workflows:
        if each.status not in ACTIVE_WORKFLOW:
            continue
        end = _ends.find(each.id, None, _LIST_SECONDS, 0)
        if end is not None:
            found[each.id] = end
        elif steps + each.step_count <= _LIST_STEPS:
            steps += each.step_count
            wanted.append(each.id)
    made = for_page(lambda: _compute(lambda: _make_ends(wanted))) if wanted else None
    return found | (made or {})


def _make_ends(ids: Sequence[str]) -> dict[str, End]:
    at, bands = forecasts.quick_ends(connections().context, ids)
    ends = {each: _end(at, band) for each, band in bands.items()}
    for each, end in ends.items():
        _ends.keep(each, None, end)
    return ends


def _end(at: datetime, band: Band) -> End:
    return End(at + timedelta(seconds=band.p50), at + timedelta(seconds=band.p90))


def _compute(make: Callable[[], Value]) -> Value:
    with _SLOTS.take(caller().name), metering.computing():
        return make()
