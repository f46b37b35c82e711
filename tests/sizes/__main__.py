"""The long way: `python -m tests.sizes --rows 100000`."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from pydantic import SecretStr

from app.db.migrate import migrate
from app.embedded.servers import servers
from app.main import create_app
from app.settings import Settings
from tests.conftest import SECRET
from tests.makers.organisations import found
from tests.makers.work import Worker, run_row, until
from tests.sizes.undoing import Undoing

PATIENCE = 3_600.0


async def _check(own: Settings, rows: int) -> None:
    app = create_app(own)
    async with app.router.lifespan_context(app):
        org = await found(app, str(own.database_url))
        with Worker(own, lease=30, batch=2_000) as worker:

            async def finish(run: str) -> None:
                async def ended() -> str | None:
                    row = await run_row(org, run.rpartition("/")[2])
                    assert row["status"] not in {"failed", "cancelled"}, row["error"]
                    return str(row["status"]) if row["status"] == "done" else None

                await until(ended, PATIENCE)

            undoing = Undoing(org, rows, finish)
            await undoing.check()
            most = _most_memory(worker.pid)
        await org.close()
    for what, seconds in undoing.took.items():
        print(f"{what:12} {seconds:7.1f} s")
    print(f"worker       {most / 2**20:7.0f} MiB at most")


def _most_memory(pid: int) -> int:
    """The most bytes that a process has held at once."""
    said = Path(f"/proc/{pid}/status").read_text()
    return int(said.partition("VmHWM:")[2].split()[0]) * 1024


def main() -> int:
    """Import, edit by hand, undo, and compare every record."""
    parser = argparse.ArgumentParser(prog="python -m tests.sizes", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rapport-sizes-", dir="/tmp") as place:
        Path(place).chmod(0o711)
        with servers(Path(place)) as running:
            migrate(running.database_url)
            own = Settings().model_copy(
                update={
                    "database_url": running.database_url,
                    "redis_url": running.redis_url,
                    "secret_key": SecretStr(SECRET),
                    "log_level": "WARNING",
                }
            )
            asyncio.run(_check(own, chosen.rows))
    print(f"{chosen.rows:,} rows undone; every record is as it should be.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
