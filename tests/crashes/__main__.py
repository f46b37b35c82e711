"""The long way: `python -m tests.crashes --minutes 10 [--seed N]`."""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from pathlib import Path

from app.kit import clock
from tests.crashes.house import house
from tests.crashes.storm import Storm

ACCIDENTS = (
    "postgres",
    "backend",
    "redis",
    "api",
    "api_child",
    "worker",
    "api_without_postgres",
    "everything",
)


def main() -> int:
    """Shake a house for some minutes and say what broke; 1 when something did."""
    parser = argparse.ArgumentParser(prog="python -m tests.crashes", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--accidents", nargs="*", choices=ACCIDENTS, default=ACCIDENTS)
    chosen = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="rapport-crash-", dir="/tmp"))
    place.chmod(0o711)
    print(f"seed {chosen.seed}, logs in {place / 'log'}", flush=True)
    with house(place) as shaken:
        storm = Storm(shaken, chosen.seed, clients=chosen.clients, say=lambda line: print(line, flush=True))
        found = asyncio.run(storm.run(chosen.accidents, until=clock.monotonic() + chosen.minutes * 60))
    print(storm.told())
    for one in found:
        print("WRONG", one)
    if not found:
        shutil.rmtree(place)
        print("Every acknowledged write is there once, with its event.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
