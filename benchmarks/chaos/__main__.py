"""``python -m benchmarks.chaos``: one seed, one report; exit 1 where a promise broke."""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path

import click

from benchmarks.chaos.driver import Plan, run
from benchmarks.chaos.failover import FAILOVER
from benchmarks.chaos.faults import APPSERVICE, KINDS, PROCESSES, aimed
from benchmarks.chaos.reuse import REUSE
from benchmarks.chaos.without import AIMED, SAFEGUARDS

EVERY_KIND = {**KINDS, "failover": (*PROCESSES, *FAILOVER, *APPSERVICE)}
"""By the name that is asked for; ``failover``: on a replica set and Sentinels."""


@click.command()
@click.option("--seed", default=1, show_default=True)
@click.option("--faults", "count", default=200, show_default=True, help="How many faults strike.")
@click.option("--every", default=0.4, show_default=True, help="Mean seconds between two.")
@click.option("--going", default=20, show_default=True, help="Workflows under way at a time.")
@click.option("--workers", default=3, show_default=True)
@click.option("--skew", is_flag=True, help="Two workers' clocks are wrong by ±2 minutes.")
@click.option("--kinds", type=click.Choice(sorted(EVERY_KIND)), default="all", show_default=True)
@click.option(
    "--without",
    type=click.Choice(sorted(SAFEGUARDS)),
    help="Take this safeguard away, and aim at what it guards against.",
)
@click.option(
    "--reuse", is_flag=True, help="Steps take earlier results, while users change their files."
)
@click.option("--logs", type=click.Path(path_type=Path), help="Keep the processes' logs there.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the report there as JSON.")
def main(  # noqa: PLR0917 - click hands each option on by name
    seed: int,
    count: int,
    every: float,
    going: int,
    workers: int,
    skew: bool,
    kinds: str,
    without: str | None,
    reuse: bool,
    logs: Path | None,
    out: Path | None,
) -> None:
    """Torment the product with a seeded schedule of faults, then audit what it did."""
    plan = Plan(
        seed,
        count,
        every_seconds=every,
        going=going,
        workers=workers,
        skews=("+120s", "-120s") if skew else (),
        logs=logs,
        failover=kinds == "failover",
        without=without or "",
        reuse=reuse,
    )
    chosen = [*EVERY_KIND[kinds], *(REUSE if reuse else ())]
    report = run(plan, aimed(AIMED[without], chosen) if without else chosen)
    text = json.dumps({"machine": platform.platform(), **report.as_json()}, indent=1)
    print(text)
    if out:
        out.write_text(text + "\n", encoding="utf-8")
    sys.exit(0 if report.verdict.kept else 1)


if __name__ == "__main__":
    main()
