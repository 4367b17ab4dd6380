"""Forecasts as JSON, and as the sentences that people read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from workflows.engine.forecast.forecasts import Made, MadeForBatch
from workflows.engine.reports.views import stamp
from workflows.model.values import Json
from workflows.rules.forecast.forecast import Band, CapForecast

_ASSUMES: Final = "no step fails, and your other jobs stay as they are"
_DONE: Final = "Nothing is left to run."


def workflow_json(made: Made, limit: int) -> dict[str, Json]:
    """``limit``: the executor's own cap on steps of one workflow at the same time."""
    found, spec = made.forecast, made.outset.compiled.spec
    return {
        "made_at": stamp(made.at),
        "message": message(made),
        "no_history": list(made.missing),
        "end": _times(made.at, found.end) if found else None,
        "remaining_seconds": _seconds(found.end) if found else None,
        "critical_path": [spec.steps[step].name for step in found.critical_path] if found else [],
        "steps": [
            {
                "step_name": spec.steps[each.step].name,
                "app": spec.steps[each.step].app,
                "start": _times(made.at, each.start),
                "end": _times(made.at, each.end),
                "criticality": round(each.criticality, 3),
                "observations": each.observations,
            }
            for each in (found.steps if found else ())
        ],
        "parallel_steps": [
            {
                "max_parallel_steps": each.cap,
                "allowed": each.cap <= limit,
                "remaining_seconds": _seconds(each.end),
            }
            for each in (found.caps if found else ())
        ],
        "runs": found.runs if found else 0,
    }


def batch_json(made: MadeForBatch) -> dict[str, Json]:
    found = made.forecast
    return {
        "made_at": stamp(made.at),
        "message": batch_message(made),
        "no_history": list(made.missing),
        "end": _times(made.at, found.end) if found else None,
        "remaining_seconds": _seconds(found.end) if found else None,
        "active": [
            {"max_active": each.cap, "remaining_seconds": _seconds(each.end)}
            for each in (found.active if found else ())
        ],
        "runs": found.runs if found else 0,
    }


def message(made: Made) -> str:
    """In one paragraph."""
    if made.forecast is None:
        return _no_forecast(made.missing)
    further = made.outset.workflow.waits_for
    more = " Further steps are planned later: it ends later than that." if further else ""
    return _tell(made.forecast.end, made.forecast.caps, "in parallel") + more


def batch_message(made: MadeForBatch) -> str:
    """The same for a batch."""
    if made.forecast is None:
        return _no_forecast(made.missing)
    return _tell(made.forecast.end, made.forecast.active, "samples at a time")


def _tell(end: Band, caps: Sequence[CapForecast], unit: str) -> str:
    text = (
        f"It takes about {span(end.p50)} from now; in nine of ten cases at most {span(end.p90)}, "
        f"if {_ASSUMES}."
    )
    best = min(caps, key=lambda each: each.end.p50)
    if best.end.p50 < 0.9 * end.p50:
        own = caps[0].cap
        text += (
            f" With {best.cap} instead of {own} {unit}: {span(best.end.p50)} instead of "
            f"{span(end.p50)}."
        )
    return text


def _no_forecast(missing: Sequence[str]) -> str:
    if not missing:
        return _DONE
    return f"How long it takes is not known: too few jobs have run of {', '.join(missing)}."


def span(seconds: float) -> str:
    """``40 s``, ``12 min``, ``3 h 20 min``, ``2 d 4 h``: as exact as a forecast can be."""
    minutes = round(seconds / 60)
    if seconds < 60:  # noqa: PLR2004 - seconds in a minute
        return f"{round(seconds)} s"
    if minutes < 60:  # noqa: PLR2004 - minutes in an hour
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:  # noqa: PLR2004 - two days
        return f"{hours} h {minutes:02} min" if minutes else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h"


def _seconds(band: Band) -> dict[str, float]:
    return {"p50": round(band.p50, 1), "p90": round(band.p90, 1)}


def _times(at: datetime, band: Band) -> dict[str, str | None]:
    p50, p90 = (stamp(at + timedelta(seconds=each)) for each in (band.p50, band.p90))
    return {"p50": p50, "p90": p90}
