"""A board, a funnel and the velocity of one month, and the changes of the last one, beside the plainest statements that answer the same, as history grows.

    python -m bench.board [--deals 1000000] [--rounds 20]

Deals are opened evenly, as many a month, first over 12 months and then over 24 (half of --deals, then all), eight entries
of stage history each, made by the database itself; those of the last two months are open. By hand, the funnel counts deals
by stage that were ever there, the changes count deals opened and closed, velocity counts deals closed and open, sums
amounts and averages times, and the board counts deals and sums amounts: no shares, medians, reasons, rates or sight. Every
deal is written as edited last after the month of the changes, so that the event log is asked about each for both moments:
the worst there can be.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from app.db import actors, board
from app.db.engine import Database
from app.db.migrate import migrate
from app.db.reads import Reads
from app.domain.deals.cohorts import Cohort
from app.embedded.servers import servers
from app.kit import clock
from app.kit.ids import new_id
from app.settings import settings
from app.usecases import changes, funnel, velocity
from app.usecases.bootstrap import bootstrap

NOW = datetime(2026, 1, 1, tzinfo=UTC)
_EVERY: dict[str, Any] = {"all": []}
_QUIET = "set session_replication_role = replica; set statement_timeout = 0; set synchronous_commit = off"
_STAGES = [{"key": f"s{n}", "name": f"S{n}", "kind": "open", "probability": f"0.{n}"} for n in range(1, 8)]
_STAGES += [{"key": kind, "name": kind, "kind": kind, "probability": "0"} for kind in ("won", "lost")]
_LINE = """insert into pipelines (org_id, id, version, created_at, updated_at, name, stages, moves)
  values ($1, $2, 1, $3, $3, 'Bench', $4, '{}')"""
_ID = "('{kind}0000-0000-7000-8000-' || lpad(to_hex({n}), 12, '0'))::uuid"
_OPENED = "$3::timestamptz - n * (interval '730 days' / $6::int)"
_DEALS = f"""insert into deals (org_id, id, version, created_at, updated_at, name, name_key, pipeline_id, stage, status, amount,
    currency, opened_at, entered_at, closed_at, tags, custom, terms)
  select $1, {_ID.format(kind="dea1", n="n")}, 1, $3, $3, 'Deal ' || n, 'deal ' || n, $2,
    case when n <= $6::int / 12 then 's' || 1 + n % 7 when n % 3 = 0 then 'won' else 'lost' end,
    case when n <= $6::int / 12 then 'open' when n % 3 = 0 then 'won' else 'lost' end, n % 1000, 'CNY', {_OPENED}, {_OPENED},
    case when n <= $6::int / 12 then null else {_OPENED} + interval '8 days' end, '{{}}', '{{}}', ''::tsvector
  from generate_series($4::int, $5::int) n"""
_MOVES = f"""insert into deal_moves (org_id, id, deal_id, pipeline_id, verb, from_stage, to_stage, at, seconds, business_seconds)
  select $1, {_ID.format(kind="a0e5", n="8 * n::bigint + k")}, {_ID.format(kind="dea1", n="n")}, $2,
    case k when 0 then 'open' when 7 then case when n % 3 = 0 then 'win' else 'lose' end else 'move' end,
    case when k > 0 then 's' || k end,
    case when k < 7 then 's' || k + 1 when n % 3 = 0 then 'won' else 'lost' end,
    {_OPENED} + k * interval '1 day', case when k > 0 then 86400 end, case when k > 0 then 28800 end
  from generate_series($4::int, $5::int) n, generate_series(0, 7) k"""
_BY_HAND = {
    "funnel": """select m.to_stage, count(distinct m.deal_id) from deals d
      join deal_moves m on m.org_id = d.org_id and m.deal_id = d.id
      where d.org_id = $1 and d.pipeline_id = $2 and d.opened_at >= '2025-09-30T16:00Z'
        and d.opened_at < '2025-10-31T16:00Z' group by 1""",
    "changes": """select count(*) filter (where opened_at >= '2025-11-30T16:00Z'), count(closed_at) from deals
      where org_id = $1 and pipeline_id = $2 and (opened_at >= '2025-11-30T16:00Z' or closed_at >= '2025-11-30T16:00Z')""",
    "velocity": """select status, count(*), sum(amount), avg(closed_at - opened_at) from deals
      where org_id = $1 and pipeline_id = $2 and (closed_at is null
        or closed_at >= '2025-11-30T16:00Z' and closed_at < '2025-12-31T16:00Z') group by 1""",
    "board": """select stage, count(*), sum(amount) from deals
      where org_id = $1 and pipeline_id = $2 and status = 'open' and archived_at is null group by 1""",
}
_STEP = 100_000


async def fill(owner: Database, org: UUID, line: UUID, first: int, last: int, every: int) -> None:
    """Deals of these numbers with their histories; the higher the number, the longer ago."""
    async with owner.connection() as connection:
        await connection.execute(_QUIET)
        for begin in range(first, last + 1, _STEP):
            for sql in (_DEALS, _MOVES):
                await connection.execute(sql, org, line, NOW, begin, min(begin + _STEP - 1, last), every)
        await connection.execute("vacuum analyze deals, deal_moves")


async def timed(ask: Callable[[], Awaitable[Any]], rounds: int) -> list[float]:
    """The milliseconds of each round, ascending; a first one is not counted."""
    spent = []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        await ask()
        spent.append((time.perf_counter() - begun) * 1000)
    return sorted(spent[1:])


async def measure(database: Database, org: UUID, line: UUID, rounds: int) -> None:
    """Print p50 and p95 of both beside those by hand."""
    actor = await actors.system(database, org)

    async def again() -> Any:
        return actor

    door = Reads(database, actor, again)
    month = Cohort(line, date(2025, 10, 1), date(2025, 11, 1), NOW, _EVERY, {})

    last = Cohort(line, date(2025, 12, 1), date(2026, 1, 1), NOW, _EVERY, {})

    async def by_hand(name: str) -> None:
        async with database.connection(org) as connection:
            await connection.fetch(_BY_HAND[name], org, line)

    asked: dict[str, Callable[[], Awaitable[Any]]] = {
        "funnel": lambda: funnel.get_funnel(door, month, None, None, clock.now()),
        "changes": lambda: changes.get_changes(door, last, 50, NOW),
        "velocity": lambda: velocity.get_velocity(door, last, clock.now()),
        "board": lambda: board.board(door, line, _EVERY, 20, clock.now()),
    }
    for name, ask in asked.items():
        ours = await timed(ask, rounds)
        limit = await timed(lambda name=name: by_hand(name), rounds)  # type: ignore[misc]  # it is called at once
        p95 = int(0.95 * (rounds - 1))
        middle, their_middle = statistics.median(ours), statistics.median(limit)
        print(
            f"  {name}: p50 {middle:.1f} ms, p95 {ours[p95]:.1f} ms; by hand p50 {their_middle:.1f} ms,"
            f" p95 {limit[p95]:.1f} ms; ratio {middle / their_middle:.2f}",
            flush=True,
        )


async def main() -> None:
    """Fill, measure, fill again, measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--deals", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as place:
        Path(place).chmod(0o711)
        with servers(Path(place), durable=False, redis=False) as running:
            await asyncio.to_thread(migrate, running.database_url)
            await bootstrap(running.database_url)
            owner = Database(running.database_url, role=None, size=1)
            line = new_id()
            async with owner.connection() as connection:
                org = await connection.fetchval("select id from organisations limit 1")
                await connection.execute(_LINE, org, line, NOW, _STAGES)
            database = Database(running.database_url, role=settings().app_role, size=2)
            half = chosen.deals // 2
            for months, first, last in ((12, 1, half), (24, half + 1, chosen.deals)):
                await fill(owner, org, line, first, last, chosen.deals)
                print(f"{last:,} deals of {months} months", flush=True)
                await measure(database, org, line, chosen.rounds)
            await database.close()
            await owner.close()


if __name__ == "__main__":
    asyncio.run(main())
