"""An RFM run over order lines by the million, beside the same in Polars on the same data in memory.

    python -m bench.segments [--lines 10000000] [--rounds 3]

The lines stand in a quarter as many orders of a twentieth as many contacts: some cancelled, some refunded in part, some
returns, some in a foreign currency, made by the database itself. Ours is the whole work of a run as a worker does it,
step by step: scores kept in the database with their clusters, and what was found; and apart from that the scores alone,
read and computed but not kept. Polars sums the lines of each order, converts, groups, ranks and names segments in memory,
also from sums of orders, as ours does; the time that it takes to get lines and orders out of the database is shown apart.
Both must come to the same scores. Ratios are the medians of those of the rounds.
"""

import argparse
import asyncio
import io
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import polars as pl

from app.db import actors, rfm
from app.db.engine import Database
from app.db.migrate import migrate
from app.db.uow import UnitOfWork
from app.domain.rfm import SEGMENTS, Returns
from app.embedded.servers import servers
from app.jobs import rfm as work  # noqa: F401 - it registers its work
from app.jobs.base import do_batch
from app.kit import clock
from app.settings import settings
from app.usecases.bootstrap import bootstrap
from app.usecases.rfm import opening

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
_QUIET = "set session_replication_role = replica; set statement_timeout = 0; set synchronous_commit = off"
"""Foreign keys of rows that are right by how they are made are not looked up one by one."""
# Ids by number, so that orders, lines and contacts find each other without a look-up.
_ID = "('{kind}0000-0000-7000-8000-' || lpad(to_hex({n}), 12, '0'))::uuid"
_CONTACTS = f"""insert into contacts (org_id, id, version, created_at, updated_at, name, name_key, emails, phones, addresses,
    stage, tags, consents, consented, custom, terms)
  select $1, {_ID.format(kind="c000", n="n")}, 1, $2, $2, 'Contact ' || n, 'contact ' || n, '[]', '[]', '[]', 'customer',
    '{{}}', '[]', '{{}}', '{{}}', ''::tsvector
  from generate_series($3::int, $4::int) n"""
# Few buy much and many little; hashes of the number stand for chance, so that every fill is the same.
_CHANCE = "(abs(hashint8(n::bigint * 7919 + {salt})::bigint) % 1000003 / 1000003.0)"
_ORDERS = f"""insert into orders (org_id, id, version, created_at, updated_at, number, contact_id, channel, status, currency,
    subtotal, discount, tax, total, refunded, placed_at, paid_at, tags, custom, terms)
  select $1, {_ID.format(kind="0000", n="n")}, 1, $2, $2, 'O' || n, {_ID.format(kind="c000", n="buyer")}, 'web',
    case when n % 50 = 0 then 'cancelled' when n % 40 = 0 and money > 0 then 'refunded_in_part' else 'paid' end,
    case when n % 20 = 0 then 'USD' else 'CNY' end, money, 0, 0, money,
    case when n % 40 = 0 and n % 50 > 0 and money > 0 then round(money / 3, 4) else 0 end, placed, placed, '{{}}', '{{}}',
    ''::tsvector
  from (select n, 1 + floor($5::int * power({_CHANCE.format(salt=1)}, 2))::int as buyer,
      round((case when n % 25 = 0 then -0.3 else 1 end * (5 + 400 * power({_CHANCE.format(salt=2)}, 3)))::numeric, 4) as money,
      $2::timestamptz - interval '1 second' - {_CHANCE.format(salt=3)} * interval '730 days' as placed
    from generate_series($3::int, $4::int) n) o"""
_LINES = f"""insert into order_lines (org_id, id, order_id, position, description, quantity, unit_price, discount, amount)
  select $1, {_ID.format(kind="1000", n="4 * n + position")}, o.id, position, 'Line ' || position, sign(o.total),
    abs(l.amount), 0, l.amount
  from generate_series($3::int, $4::int) n join orders o on o.org_id = $1 and o.id = {_ID.format(kind="0000", n="n")},
    lateral (select position, case when position < 4 then quarter else o.total - 3 * quarter end as amount
      from round(o.total / 4, 4) quarter, generate_series(1, 4) position) l
  where $2::timestamptz is not null"""
_RATES = f"""insert into exchange_rates (org_id, id, version, created_at, updated_at, currency, base, on_date, rate)
  select $1, {_ID.format(kind="2000", n="n")}, 1, $2, $2, 'USD', 'CNY', date '2023-12-01' + n, 7 + (n % 10) / 100.0
  from generate_series(0, 770) n"""
_READ = """select count(contact_id), max(placed_at), max(status), max(currency), sum(total), sum(refunded)
  from orders where org_id = $1"""
_STEP = 250_000


async def fill(owner: Database, org: UUID, lines: int, *, with_lines: bool = True) -> None:
    """Contacts, rates, orders and their lines, made by the database."""
    orders, contacts = lines // 4, max(lines // 20, 1)
    async with owner.connection() as connection:
        await connection.execute(_QUIET)
        await connection.execute(_RATES, org, AS_OF)
        todo = [(_CONTACTS, contacts, ()), (_ORDERS, orders, (contacts,))]
        for sql, count, more in [*todo, *([(_LINES, orders, ())] if with_lines else [])]:
            for first in range(1, count + 1, _STEP):
                await connection.execute(sql, org, AS_OF, first, min(first + _STEP - 1, count), *more)
        await connection.execute("vacuum analyze")


async def ours(database: Database, org: UUID) -> tuple[UUID, list[float]]:
    """A run, and the seconds of its steps."""
    async with UnitOfWork(
        database, await actors.system(database, org), now=clock.now(), cause="bench"
    ) as uow:
        run = await opening.start_rfm_run(uow, as_of=AS_OF)
        await uow.commit()
    spent, due = [], True
    while due:
        begun = time.perf_counter()
        due = await do_batch(database, org, run) is not None
        spent.append(time.perf_counter() - begun)
    async with database.connection(org) as connection:
        assert await connection.fetchval("select status from runs where id = $1", run) == "done"
    return run, spent


async def scores_alone(database: Database, org: UUID, run: UUID) -> tuple[float, float]:
    """The seconds to read orders, and those to read them and compute the scores of a run, which are not kept."""
    async with UnitOfWork(
        database, await actors.system(database, org), now=clock.now(), cause="bench"
    ) as uow:
        await rfm.prepare(uow)
        begun = time.perf_counter()
        await uow.fetch(_READ, org)
        read = time.perf_counter()
        await uow.fetch(
            f"{rfm.scored(Returns.NET, ())} select count(*), sum(r + f + m) from scored where $2::uuid is not null",
            *rfm.asked(await rfm.of_run(uow, run)),
        )
        return read - begun, time.perf_counter() - read


async def copied(owner: Database, sql: str, **types: pl.DataType | type[pl.DataType]) -> pl.DataFrame:
    """A question's answer as Polars has it."""
    out = io.BytesIO()
    async with owner.connection() as connection:
        await connection.copy_from_query(sql, output=out, format="csv", header=True)
    out.seek(0)
    return pl.read_csv(out, schema_overrides=types)


async def read(owner: Database) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Lines, orders and rates out of the database."""
    lines = await copied(
        owner,
        "select substr(o.number, 2)::int as order, l.amount from order_lines l join orders o on o.id = l.order_id",
        amount=pl.Decimal(20, 4),
    )
    orders = await copied(
        owner,
        "select substr(number, 2)::int as order, contact_id, extract(epoch from placed_at)::float8 as placed,"
        " (placed_at at time zone 'Asia/Shanghai')::date as day, status, currency, total, refunded"
        " from orders where archived_at is null",
        day=pl.Date,
        total=pl.Decimal(20, 4),
        refunded=pl.Decimal(20, 4),
        contact_id=pl.Categorical,
        status=pl.Categorical,
        currency=pl.Categorical,
    )
    rates = await copied(
        owner,
        "select on_date as day, rate from exchange_rates order by on_date",
        day=pl.Date,
        rate=pl.Decimal(20, 10),
    )
    return lines, orders, rates


def by_polars(lines: pl.DataFrame, orders: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    """The same scores in memory, from lines."""
    sums = lines.lazy().group_by("order").agg(total=pl.col("amount").sum())
    return from_orders(orders.lazy().drop("total").join(sums, on="order").collect(), rates)


def from_orders(orders: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    """The same from what each order came to."""
    bought = orders.filter((pl.col("status") != "cancelled") & (pl.col("placed") < AS_OF.timestamp()))
    money = pl.col("total") - pl.col("refunded")
    home = bought.filter(pl.col("currency") == "CNY").select(
        "contact_id", "placed", "total", money=money.cast(pl.Float64)
    )
    abroad = bought.filter(pl.col("currency") == "USD").sort("day").join_asof(rates, on="day")
    away = abroad.select(
        "contact_id", "placed", "total", money=money.cast(pl.Float64) * pl.col("rate").cast(pl.Float64)
    )
    sale = pl.col("total") > 0
    customers = (
        pl.concat([home, away])
        .group_by("contact_id")
        .agg(
            last=pl.col("placed").filter(sale).max(),
            first=pl.col("placed").filter(sale).min(),
            frequency=sale.sum().cast(pl.Int64),
            monetary=(pl.col("money").sum() * 100).round().cast(pl.Int64),
        )
        .filter(pl.col("frequency") > 0)
        .with_columns(days=((AS_OF.timestamp() - pl.col("last")) // 86_400).cast(pl.Int64))
    )
    every = customers.height

    def score(ranked: pl.Expr) -> pl.Expr:
        return 1 + 5 * (ranked.rank("min").cast(pl.Int64) - 1) // every

    scored = customers.with_columns(
        r=score(-pl.col("days")), f=score(pl.col("frequency")), m=score(pl.col("monetary"))
    )
    names = {10 * recency + both: name.value for (recency, both), name in SEGMENTS.items()}
    place = 10 * pl.col("r") + (pl.col("f") + pl.col("m") + 1) // 2
    return scored.with_columns(segment=place.replace_strict(names, return_dtype=pl.String))


async def check(owner: Database, run: UUID, theirs: pl.DataFrame) -> None:
    """Both came to the same; of sums of floats a cent may be another, and with it a score beside it."""
    mine = await copied(
        owner, f"select contact_id, frequency, r, f, m, segment from rfm_scores where run_id = '{run}'"
    )
    both = mine.join(theirs.with_columns(pl.col("contact_id").cast(pl.String)), on="contact_id")
    assert both.height == mine.height == theirs.height
    same = all((both[name] == both[f"{name}_right"]).all() for name in ("frequency", "r", "f"))
    near = (both["segment"] == both["segment_right"]).sum() / both.height
    assert same, "recency and frequency are counted alike"
    assert near > 0.9999, near


async def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as place:
        Path(place).chmod(0o711)
        with servers(Path(place), durable=False, redis=False) as running:
            await asyncio.to_thread(migrate, running.database_url)
            await bootstrap(running.database_url)
            owner = Database(running.database_url, role=None, size=1)
            async with owner.connection() as connection:
                org = await connection.fetchval("select id from organisations limit 1")
            begun = time.perf_counter()
            await fill(owner, org, chosen.lines)
            filled = time.perf_counter() - begun
            print(
                f"{chosen.lines:,} lines in {chosen.lines // 4:,} orders made in {filled:.0f} s", flush=True
            )
            database = Database(running.database_url, role=settings().app_role, size=2)
            await measure(database, owner, org, chosen.rounds)
            await database.close()
            await owner.close()


async def measure(database: Database, owner: Database, org: UUID, rounds: int) -> None:
    """Both in turn, and their ratios."""
    ratios: list[tuple[float, ...]] = []
    for _ in range(rounds):
        run, steps = await ours(database, org)
        read_alone, alone = await scores_alone(database, org, run)
        begun = time.perf_counter()
        lines, orders, rates = await read(owner)
        reading = time.perf_counter() - begun
        begun = time.perf_counter()
        theirs = by_polars(lines, orders, rates)
        computing = time.perf_counter() - begun
        begun = time.perf_counter()
        from_orders(orders, rates)
        shorter = time.perf_counter() - begun
        await check(owner, run, theirs)
        ratios.append(
            (alone / computing, steps[0] / computing, alone / shorter, steps[0] / (reading + computing))
        )
        shown = ", ".join(
            f"{name} {spent:.2f} s"
            for name, spent in zip(("kept", "tidying", "clusters", "findings"), steps, strict=True)
        )
        print(
            f"{theirs.height:,} customers   ours: scores read and computed {alone:.2f} s (reading alone"
            f" {read_alone:.2f} s); with scores {shown}"
            f"   Polars: {computing:.2f} s, from orders {shorter:.2f} s; {reading:.2f} s to read",
            flush=True,
        )
    names = (
        "read and computed, times Polars in memory",
        "kept",
        "times Polars from orders",
        "kept, times Polars with its reading",
    )
    medians = (statistics.median(one) for one in zip(*ratios, strict=True))
    print("; ".join(f"{name}: {median:.2f}" for name, median in zip(names, medians, strict=True)))


if __name__ == "__main__":
    asyncio.run(main())
