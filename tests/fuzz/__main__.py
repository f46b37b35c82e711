"""The long run: python -m tests.fuzz [group …] --cases 3000 --seed 1."""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

import httpx

from app.db.migrate import migrate
from app.embedded.servers import servers
from tests.fuzz import run
from tests.fuzz.world import founded, serving


def main() -> int:
    """Throw requests at every group, or at those that are named; 1 when anything failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("groups", nargs="*", help="tags of the OpenAPI document; all when left out")
    parser.add_argument("--cases", type=int, default=3000, help="at least so many generated requests a group")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--phases", default=",".join(run.PHASES))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rapport-fuzz-", dir="/tmp") as place:
        Path(place).chmod(0o755)
        with servers(Path(place), durable=False) as both:
            migrate(both.database_url)
            with serving(both.database_url, both.redis_url) as url:
                return _all(both.database_url, url, chosen)


def _all(database_url: str, url: str, chosen: argparse.Namespace) -> int:
    document = httpx.get(f"{url}/openapi.json", timeout=30).json()
    known = run.groups(document)
    if unknown := set(chosen.groups) - known.keys():
        sys.exit(f"There is no group {min(unknown)}; there are {', '.join(known)}.")
    outcomes = []
    for group in chosen.groups or known:
        world = asyncio.run(founded(database_url, url))
        begun = time.monotonic()
        each = max(10, -(-chosen.cases // known[group]))
        outcome = run.run(
            world, document, group, examples=each, seed=chosen.seed, phases=tuple(chosen.phases.split(","))
        )
        outcomes.append(outcome)
        for line in run.lines(outcome):
            print(line, flush=True)
        print(f"{outcome}  {time.monotonic() - begun:.0f} s  {dict(outcome.statuses)}", flush=True)
    print("\nSummary")
    for outcome in outcomes:
        print(outcome)
    return int(not all(outcome.clean for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
