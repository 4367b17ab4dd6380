"""Limits the calls of ``start_app2`` under way to as many as AppService answers without queueing.

AppService has a few workers, each busy with one call. Calls beyond that number wait in line: they
start no job sooner, and every query waits behind them. AppService does not say how many workers
there are, so the limit follows what queries show. A query takes one of the places itself before it
is sent (``backends/appservice/query_places.py``), so it finds a free worker if the service has at
least ``limit`` workers, and waits in line if it has fewer. A start says less: one takes 0.4 s,
another 1 s.

* The durations of queries are gathered into windows, of which the median counts: beyond what the
  service bears nearly every query waits, and one in five that is slow by chance shows nothing. The
  lowest median is the time of a service without a queue; at a limit of 1 it is measured again.
* The limit begins at 1 and doubles with each quiet window (slow start), if the limit was what held
  calls back.
* A window that took clearly longer than the lowest: queries wait in line. The limit goes back to
  the last quiet one and closes in on the present one by halves. Next to it, it holds (a sixteenth
  below: of many workers one is free soon, so that a queue shows late), and tries to pass it after
  some windows; after twice as many each time that it fails.
* Where even the last quiet limit shows a queue, the limit shrinks, down to 1: a service that became
  slower for good is believed there.
* After the limit went down, the calls beyond it are under way still, and queries wait behind them:
  queries count again when so many calls have been answered.
* Calls that take less time than a claim follow each other in one place: a claim takes several jobs
  for each.
* Time-outs and answers of 5xx to several users: the limit is halved, once for all calls of the same
  moment. Those to one user say nothing of the service, nor does a call that was lost if one that
  began later has been answered (``rules/call_places.py``).

Everything here is pure. ``store/jobs/reservations.py`` keeps the state, one for all processes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from statistics import median_high
from typing import Any, Final

FIRST: Final = 1
"""The limit before anything was observed: the lowest time of queries is measured there."""
QUERIES: Final = 9
"""Queries in a window: some that are slow by chance must not decide."""
FIRST_QUERIES: Final = 5
"""The same while the limit is on its way: an error there is mended soon."""
MOST_QUERIES: Final = 64
"""Durations that are kept of one window."""
FAR: Final = 1.5
"""Times the lowest beyond which queries wait in line."""
VERY_FAR: Final = 5.0
"""Times the lowest beyond which two queries prove that they wait, before a window ends."""
NOISE_SECONDS: Final = 0.005
"""Differences below that say nothing about a queue; where starts are brief, those that the jobs of
one claim in a place make (``BRIEF_SECONDS``)."""
SHORTEST_LATE, LATE_FACTOR = timedelta(seconds=0.5), 1.5
SHORTEST_HANG, HANG_FACTOR = timedelta(seconds=2), 3
TREND: Final = 0.1
"""How far a window without a queue, below a limit that had one, moves the lowest time to its own:
the lowest of a thousand would be lower than any fair one."""
FIRST_REST, LONGEST_REST = 4, 64
"""Windows between two tries to pass a limit at which queries waited."""
BRIEF_SECONDS: Final = 0.1
"""A place is busy for about so long with the jobs of one claim. A claim takes some 30 ms where the
processor is busy, and so does a call that takes no time."""
MOST_OF_A_PLACE: Final = 8
"""Jobs that a claim takes at most for a place."""
BELOW: Final = 16
"""The share of a limit at which queries waited, by which the limit stays below it."""


@dataclass(frozen=True, slots=True)
class Observed:
    """The observed calls of one process since the last adaptation."""

    starts: int = 0
    start_seconds: float = 0.0
    """All of them together."""
    queries: Sequence[float] = ()
    """Seconds of each."""
    overloads: Mapping[str, int] = field(default_factory=dict)
    """Users to their starts that the service had no room for: by its answer, or as ``believed``."""
    lost: Sequence[tuple[str, datetime]] = ()
    """Users, and when their starts began that timed out or that a proxy answered with 5xx."""

    def __bool__(self) -> bool:
        return bool(self.starts or self.queries or self.overloads or self.lost)

    def believed(self, answered: datetime | None) -> Observed:
        """With those lost starts counted as overloads that may be the service's trouble.

        ``answered``: when the youngest call began that was answered. A call that began before it
        has a trouble of its own.
        """
        owners = [owner for owner, began in self.lost if answered is None or began >= answered]
        return replace(self, overloads=Counter(self.overloads) + Counter(owners), lost=())


@dataclass(frozen=True, slots=True)
class ConcurrencyLimit:
    """The limit, and the observations behind it."""

    limit: int = FIRST
    reason: str = "nothing was observed yet"
    """One of a few constant texts: it is a label of a metric."""
    latency: float | None = None
    """Seconds: mean of the starts of the last window."""
    lowest: float | None = None
    """Seconds: a query's without a queue."""
    quiet: int = FIRST
    """The last limit at which no query waited."""
    top: int | None = None
    """A higher limit at which queries waited; None while none is known."""
    step: int = 1
    """By how much the limit grows next, while no ``top`` is known."""
    starts: int = 0
    start_seconds: float = 0.0
    queries: tuple[float, ...] = ()
    rest: int = 0
    """Windows to wait before the next try to pass ``top``."""
    next_rest: int = FIRST_REST
    troubled: str = ""
    """The user whose starts timed out in this window, where only one's did."""
    ignored: int = 0
    """Overloads that still belong to the one that halved the limit."""
    beyond: int = 0
    """Calls that began under a higher limit and may be under way still."""

    @property
    def calls(self) -> int:
        """How many calls may be under way."""
        return max(1, int(self.limit))

    @property
    def places(self) -> int:
        """How many jobs may be claimed: as many as calls, and more where calls are brief."""
        if not self.is_brief:
            return self.calls
        return self.calls * min(MOST_OF_A_PLACE, int(BRIEF_SECONDS / max(self._mean or 0, 1e-6)))

    @property
    def is_brief(self) -> bool:
        """Whether starts take so little time that waiting for a place would take longer."""
        return self._mean is not None and self._mean <= BRIEF_SECONDS / 2

    @property
    def _mean(self) -> float | None:
        """Seconds: of the starts of this window, or of the last one."""
        return self.start_seconds / self.starts if self.starts else self.latency

    @property
    def late_after(self) -> timedelta:
        """After how long a start takes clearly longer than starts do."""
        if self.latency is None:
            return SHORTEST_HANG
        return max(SHORTEST_LATE, timedelta(seconds=LATE_FACTOR * self.latency))

    @property
    def hangs_after(self) -> timedelta:
        """After how long a start takes much longer than starts do."""
        return max(SHORTEST_HANG, timedelta(seconds=HANG_FACTOR * (self.latency or 0.0)))

    def stored(self) -> dict[str, Any]:
        return asdict(self) | {"queries": list(self.queries)}


def from_stored(found: Mapping[str, Any] | None) -> ConcurrencyLimit:
    """What ``stored`` made. What another release has learnt in its own way is left out."""
    known = ConcurrencyLimit.__dataclass_fields__
    if found is None or not known.keys() <= found.keys():
        return ConcurrencyLimit()
    fields = {key: value for key, value in found.items() if key in known}
    return ConcurrencyLimit(**fields | {"queries": tuple(fields["queries"])})


def adapt(
    before: ConcurrencyLimit, observed: Observed, ceiling: int, *, full: bool
) -> ConcurrencyLimit:
    """The limit after these observations, between 1 and ``ceiling``. ``full``: the limit was the
    reason why no more calls were under way; only then a quiet window shows that more may be.
    """
    overloads = sum(observed.overloads.values())
    answered = observed.starts + overloads
    queries = () if before.beyond else observed.queries
    now = replace(
        before,
        limit=_within(before.limit, ceiling),
        starts=before.starts + observed.starts,
        start_seconds=before.start_seconds + observed.start_seconds,
        queries=(*before.queries, *queries)[-MOST_QUERIES:],
        ignored=max(0, before.ignored - answered),
        beyond=max(0, before.beyond - answered),
    )
    troubled = {before.troubled, *observed.overloads} - {""}
    if overloads > before.ignored and len(troubled) > 1:
        return _halve(now)
    if len(troubled) == 1:
        now = replace(now, troubled=troubled.pop())
    settled = now.top is not None and now.calls >= _highest_below(now.top)
    needed = QUERIES if settled or now.lowest is None else FIRST_QUERIES
    if _certain_queue(now):
        return _shrunk(_next_window(now))
    if len(now.queries) < needed or now.starts < now.calls:
        return now
    return _judge_window(now, ceiling, full=full)


def _within(limit: int, ceiling: int) -> int:
    return min(max(1, int(limit)), max(1, ceiling))


def _next_window(now: ConcurrencyLimit) -> ConcurrencyLimit:
    return replace(now, starts=0, start_seconds=0.0, queries=(), troubled="")


def _halve(now: ConcurrencyLimit) -> ConcurrencyLimit:
    less = max(1, now.calls // 2)
    return replace(
        _next_window(now),
        limit=less,
        quiet=min(now.quiet, less),
        top=now.calls if now.calls > less else None,
        rest=now.next_rest,
        reason="AppService timed out or answered with an error of its server",
        ignored=now.calls,
        beyond=now.calls - less,
    )


def _judge_window(now: ConcurrencyLimit, ceiling: int, *, full: bool) -> ConcurrencyLimit:
    """At the end of a window."""
    seconds = median_high(now.queries)
    if now.lowest is None or now.calls == 1:
        now = _measured_again(now, seconds)
    lowest = seconds if now.lowest is None else min(now.lowest, seconds)
    known = replace(_next_window(now), latency=now.start_seconds / now.starts, lowest=lowest)
    if _is_queue(known, seconds, lowest):
        return _shrunk(known)
    if not full:
        return replace(known, reason="fewer calls than the limit were needed")
    below = known.top is not None and known.calls < known.top
    lowest += TREND * (seconds - lowest) if below else 0.0
    known = replace(known, quiet=known.calls, lowest=lowest)
    if known.calls >= ceiling:
        return replace(known, reason="the ceiling is reached")
    return _grow(known, ceiling)


def _certain_queue(now: ConcurrencyLimit) -> bool:
    """Whether a try to pass the last quiet limit has failed before its window ends."""
    if now.lowest is None or now.calls <= now.quiet:
        return False
    waited = sum(_is_queue(now, seconds, now.lowest) for seconds in now.queries)
    waited_long = sum(_is_queue(now, seconds, now.lowest, VERY_FAR) for seconds in now.queries)
    return waited >= QUERIES // 2 or waited_long > 1


def _is_queue(now: ConcurrencyLimit, seconds: float, lowest: float, far: float = FAR) -> bool:
    noise = BRIEF_SECONDS if now.is_brief else NOISE_SECONDS
    return seconds > lowest * far + noise


def _highest_below(top: int) -> int:
    """The highest limit below one at which queries waited."""
    return max(1, top - 1 - (top - 2) // BELOW)


def _measured_again(now: ConcurrencyLimit, seconds: float) -> ConcurrencyLimit:
    """At a limit of 1 no queue can be of our making. Where the service is slower than it was, what
    was learnt of higher limits was about its slowness."""
    if now.lowest is not None and _is_queue(now, seconds, now.lowest):
        now = replace(now, top=None, step=1, rest=0, next_rest=FIRST_REST)
    return replace(now, lowest=seconds)


def _shrunk(known: ConcurrencyLimit) -> ConcurrencyLimit:
    """Back to the last quiet limit; below it, where that shows a queue as well."""
    calls = known.calls
    less = known.quiet if known.quiet < calls else max(1, calls - max(1, calls // 4))
    less = min(less, _highest_below(calls))
    return replace(
        known,
        limit=less,
        quiet=less,
        top=calls,
        beyond=calls - less,
        reason="queries take longer than at best",
        rest=known.next_rest,
        next_rest=min(2 * known.next_rest, LONGEST_REST),
    )


def _grow(known: ConcurrencyLimit, ceiling: int) -> ConcurrencyLimit:
    calls, quick = known.calls, "AppService answers as quickly as ever"
    if known.top is None or known.top <= calls:
        more = _within(calls + min(known.step, calls), ceiling)
        return replace(known, limit=more, top=None, step=2 * known.step, reason=quick)
    if (highest := _highest_below(known.top)) > calls:
        more = calls + (highest - calls + 1) // 2
        return replace(known, limit=_within(more, ceiling), reason=quick)
    if known.rest:
        return replace(known, rest=known.rest - 1, reason="more calls made AppService slower")
    return replace(known, limit=_within(calls + 1, ceiling), top=None, step=1, reason=quick)
