"""AppService's listings and summaries, with their caches and their own filter rules."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from simulator.appservice import views
from simulator.appservice.jobs import Job
from simulator.appservice.methods import SCHEDULER_DB, Method, Service, argument, check_arguments
from simulator.http.rpc import RpcError, rotate_keys
from simulator.tokens import Identity

Json = Any

SORT_KEYS: Mapping[str, Callable[[Job], Any]] = {
    "id": lambda job: job.id,
    "start_time": lambda job: job.started or 0,
    "finish_time": lambda job: views.shown_end(job) or 0,
    "application_id": lambda job: job.app,
    "service_status": lambda job: job.state,
    "output_file": lambda job: job.output_file,
}


def answer_from_cache(method: Method) -> Method:
    """The same method, answering out of the service's cache."""

    def answer(service: Service, who: Identity, params: list[Json]) -> list[Json]:
        question = f"{method.__name__} {params!r}"
        seconds = service.switches.cache_seconds
        return service.cache.or_ask(
            who.user, question, seconds, lambda: method(service, who, params)
        )

    return answer


def own(service: Service, who: Identity) -> list[Job]:
    """The caller's jobs that the service admits to, newest first, active before archived."""
    now = service.now()
    jobs = [job for job in reversed(service.jobs.of(who.user)) if job.is_visible(now)]
    return sorted(jobs, key=lambda job: (job.archived, -int(job.created)))


def tasks(service: Service, jobs: Iterable[Job]) -> list[Json]:
    word, order = service.switches.submitted_word, service.order
    return [rotate_keys(views.task(job, word, views.ISO_TIME), order) for job in jobs]


def page(params: list[Json]) -> tuple[int, int]:
    """Offset and count. Raises the SQL error of a value that is not a number."""
    given = [argument(params, index) for index in (0, 1)]
    texts = ["NULL" if each is None else str(each) for each in given]
    if all(re.fullmatch(r"\d+", text) for text in texts):
        return int(texts[0]), int(texts[1])
    near = f"{texts[1]}\n\t\t\t\t     OFFSET {texts[0]}"
    if any(re.fullmatch("[a-z]+", text) for text in texts):
        near = "OFFSET"
    raise RpcError(
        "DBD::mysql::st execute failed: You have an error in your SQL syntax; check the manual"
        " that corresponds to your MariaDB server version for the right syntax to use near"
        f" '{near}' at line 11",
        place=f"{SCHEDULER_DB} 790",
    )


def enumerate_tasks(service: Service, who: Identity, params: list[Json]) -> list[Json]:
    offset, count = page(params)
    return [tasks(service, own(service, who)[offset : offset + count])]


def enumerate_tasks_filtered(service: Service, who: Identity, params: list[Json]) -> list[Json]:
    wanted = argument(params, 2)
    check_arguments("enumerate_tasks_filtered", 1260, simple_filter=(wanted, dict))
    offset, count = page(params)
    if wanted.get("search") and wanted.get("include_archived"):
        raise RpcError(
            "DBD::mysql::db selectcol_arrayref failed:"
            " Can't find FULLTEXT index matching the column list",
            place=f"{SCHEDULER_DB} 1128",
        )

    def ask() -> list[Json]:
        jobs = filter_jobs(service, who, wanted)
        return [tasks(service, jobs[offset : offset + count]), len(jobs)]

    if wanted.get("search"):
        seconds = service.switches.cache_seconds
        return service.cache.or_ask(who.user, f"filtered {params!r}", seconds, ask)
    return ask()


def filter_jobs(service: Service, who: Identity, wanted: Mapping[str, Json]) -> list[Job]:
    """The caller's jobs that a SimpleTaskFilter lets pass; what it cannot read, it ignores."""
    tests = [
        bound(wanted.get("start_time"), lambda job, at: job.created >= at),
        bound(wanted.get("end_time"), lambda job, at: int(job.created) <= at),
        word_test(wanted.get("app"), r"[0-9a-zA-Z_]+", lambda job: job.app),
        word_test(
            wanted.get("status"),
            r"[-0-9a-zA-Z]+",
            lambda job: views.status_word(job, service.switches.submitted_word),
        ),
        search_test(wanted.get("search")),
    ]
    jobs = [
        job
        for job in own(service, who)
        if (wanted.get("include_archived") or not job.archived) and all(test(job) for test in tests)
    ]
    key = SORT_KEYS.get(wanted.get("sort_field") or "", lambda job: int(job.created))
    ascending = wanted.get("sort_order") == "asc"
    jobs.sort(key=key, reverse=not ascending)
    return sorted(jobs, key=lambda job: job.archived)


Test = Callable[[Job], bool]


def anything(_job: Job) -> bool:
    return True


def bound(text: Json, holds: Callable[[Job, float], bool]) -> Test:
    at = parsed_time(text)
    return anything if at is None else lambda job: holds(job, at)


def parsed_time(text: Json) -> float | None:
    """The time as the service reads it: as UTC, even if another zone is written."""
    form = r"\s*(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?"
    found = re.match(form, text) if isinstance(text, str) else None
    if not found:
        return None
    year, month, day, hour, minute, second = (int(each or 0) for each in found.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return None


def word_test(wanted: Json, form: str, read: Callable[[Job], str]) -> Test:
    if not wanted or not re.fullmatch(form, str(wanted)):
        return anything
    return lambda job: read(job) == wanted


def search_test(wanted: Json) -> Test:
    """FULLTEXT over terms that the scheduler writes when a job ends."""
    if not wanted:
        return anything
    words = words_in(str(wanted))
    return lambda job: job.state in "CF" and bool(words & search_terms(job))


def search_terms(job: Job) -> set[str]:
    return words_in(f"{job.id} {job.app} {job.output_path} {job.output_file}")


def words_in(text: str) -> set[str]:
    """What FULLTEXT takes for words: short ones do not count."""
    return set(re.findall(r"\w{3,}", text.lower()))


def count_values(values: Iterable[str]) -> list[Json]:
    return [dict(Counter(values))]


def query_task_summary(service: Service, who: Identity, _params: list[Json]) -> list[Json]:
    word = service.switches.submitted_word
    return count_values(views.status_word(job, word) for job in own(service, who))


def query_app_summary(service: Service, who: Identity, _params: list[Json]) -> list[Json]:
    return count_values(job.app for job in own(service, who))


def query_task_summary_filtered(service: Service, who: Identity, params: list[Json]) -> list[Json]:
    word = service.switches.submitted_word
    jobs = filter_jobs(service, who, summary_filter("query_task_summary_filtered", params))
    return count_values(views.status_word(job, word) for job in jobs)


def query_app_summary_filtered(service: Service, who: Identity, params: list[Json]) -> list[Json]:
    jobs = filter_jobs(service, who, summary_filter("query_app_summary_filtered", params))
    return count_values(job.app for job in jobs)


def summary_filter(method: str, params: list[Json]) -> Mapping[str, Json]:
    wanted = argument(params, 0)
    check_arguments(method, 900, filter=(wanted, dict))
    return dict(wanted)


def enumerate_tasks_qstat(service: Service, who: Identity, params: list[Json]) -> list[Json]:
    wanted = argument(params, 2)
    check_arguments("enumerate_tasks_qstat", 1400, filter=(wanted, dict))
    offset, count = page([from_the_start(argument(params, 0)), *params[1:]])
    now = service.now()
    tests = qstat_tests(wanted)
    jobs = [
        job
        for job in qstat_candidates(service, who, wanted)
        if job.is_visible(now) and not job.archived and all(test(job) for test in tests)
    ]
    jobs.sort(key=lambda job: (-int(job.created), -job.id))
    shown = [
        views.qstat_row(
            job,
            masked=job.owner != who.user and not who.admin,
            parameters=bool(wanted.get("include_parameters")),
        )
        for job in jobs[offset : offset + count]
    ]
    return [[rotate_keys(row, service.order) for row in shown], len(jobs)]


def from_the_start(offset: Json) -> Json:
    """This listing takes a negative offset for none."""
    return 0 if re.fullmatch(r"-\d+", str(offset)) else offset


def qstat_candidates(service: Service, who: Identity, wanted: Mapping[str, Json]) -> Iterable[Job]:
    """The caller's jobs. Admins get every user's; others who ask for all users get them masked."""
    if wanted.get("user_metadata"):
        jobs: Iterable[Job] = service.jobs.with_metadata(str(wanted["user_metadata"]))
    elif who.admin or wanted.get("all_users"):
        jobs = service.jobs
    else:
        jobs = service.jobs.of(who.user)
    if who.admin:
        owner = wanted.get("owner")
        return [job for job in jobs if not owner or owner in {job.owner, job.owner.split("@")[0]}]
    if wanted.get("all_users"):
        return jobs
    return [job for job in jobs if job.owner == who.user]


def qstat_tests(wanted: Mapping[str, Json]) -> list[Test]:
    codes = {code.strip() for code in str(wanted.get("status") or "").split(",")} - {""}
    return [
        bound(wanted.get("start_time"), lambda job, at: job.created >= at),
        bound(wanted.get("end_time"), lambda job, at: job.created < at),
        bound(wanted.get("started_after"), lambda job, at: (job.started or 0) > at),
        word_test(wanted.get("app"), r".+", lambda job: job.app),
        (lambda job: job.state in codes) if codes else anything,
    ]


METHODS: Mapping[str, Method] = {
    "enumerate_tasks": answer_from_cache(enumerate_tasks),
    "enumerate_tasks_filtered": enumerate_tasks_filtered,
    "enumerate_tasks_qstat": enumerate_tasks_qstat,
    "query_task_summary": answer_from_cache(query_task_summary),
    "query_app_summary": answer_from_cache(query_app_summary),
    "query_task_summary_filtered": answer_from_cache(query_task_summary_filtered),
    "query_app_summary_filtered": answer_from_cache(query_app_summary_filtered),
}
