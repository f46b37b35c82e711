"""RFM: the runs that score contacts, the scores, and the statements that make them.

A score names its contact without a foreign key: a million of those would lock every customer's record, which nobody
could change until the run is over. Erasure looks here by the contact instead; a merge leaves scores with whom they were made for.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Numeric, PrimaryKeyConstraint, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Keyed, one_of, points_to
from app.db.engine import Row
from app.db.uow import UnitOfWork
from app.domain.orders import OrderStatus
from app.domain.rfm import BINS, KEPT_FOR, RULES, SEGMENTS, TIERS, Returns

_LONG = timedelta(minutes=10)
"""What one statement may take, over many millions of orders."""
_MEMORY = "128MB"
"""For the sums of every customer; with less they go to disk, which takes twice as long."""


class RfmRun(Keyed):
    """What was asked of a run and what it found; its id is the run's."""

    __tablename__ = "rfm_runs"
    __table_args__ = (
        points_to("id", "runs"),
        one_of("returns", Returns),
        Index("ix_rfm_runs_latest", "org_id", text("as_of desc"), text("id desc")),
    )

    as_of: Mapped[datetime]
    returns: Mapped[str]
    window_days: Mapped[int | None]
    bins: Mapped[dict[str, Any] | None]
    """Measure to its edges; what is missing is cut into fifths."""
    currency: Mapped[str]
    """The base currency of then."""
    rules: Mapped[int]
    findings: Mapped[dict[str, Any] | None]
    """Over all contacts, once the run is over."""
    clusters: Mapped[dict[str, Any] | None]
    previous_id: Mapped[UUID | None]
    """The run that movements are counted from."""
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class RfmScore(Base):
    """A contact as one run saw it."""

    __tablename__ = "rfm_scores"
    __table_args__ = (
        PrimaryKeyConstraint("org_id", "run_id", "contact_id"),
        Index("ix_rfm_scores_contact", "org_id", "contact_id", "run_id"),
    )

    org_id: Mapped[UUID]
    run_id: Mapped[UUID]
    contact_id: Mapped[UUID]
    recency_days: Mapped[int]
    frequency: Mapped[int]
    monetary: Mapped[Decimal] = mapped_column(Numeric(24, 2))
    tenure_days: Mapped[int]
    """From the first sale."""
    r: Mapped[int] = mapped_column(SmallInteger)
    f: Mapped[int] = mapped_column(SmallInteger)
    m: Mapped[int] = mapped_column(SmallInteger)
    segment: Mapped[str]
    tier: Mapped[str]
    cluster: Mapped[int | None] = mapped_column(SmallInteger)


# An order that is refunded by its status may have been cancelled all the same.
_BOUGHT = f"""select {{columns}} from orders o {{rate}}
  where o.org_id = $1 and o.contact_id is not null and o.archived_at is null and o.placed_at < $3
    and ($4::timestamptz is null or o.placed_at >= $4)
    and coalesce(o.cancelled_at >= $3, o.status <> '{OrderStatus.CANCELLED}')"""
_MONEY = {
    # When the last refund was made is all that is known of when; one without a date is taken to be of the order's day.
    Returns.NET: "(o.total - case when o.refunded_at >= $3 then 0 else o.refunded end)",
    Returns.IGNORE: "o.total",
}
_SOLD = {Returns.NET: "", Returns.IGNORE: " and o.total > 0"}
_SALE = "filter (where o.total > 0)"
# Day by day, so that orders meet their rates by equal days.
_RATES = """rates as materialized (select currency, rate, generate_series(on_date, until, interval '1 day')::date as day
    from (select x.currency, x.rate, greatest(x.on_date, f.day) as on_date,
        coalesce(lead(x.on_date) over (partition by x.currency order by x.on_date) - 1,
          ($3 at time zone $6)::date) as until
      from exchange_rates x, (select (min(placed_at) at time zone $6)::date as day from orders where org_id = $1) f
      where x.org_id = $1 and x.base = $5 and x.archived_at is null) x)"""
_RATE = "join rates x on x.currency = o.currency and x.day = (o.placed_at at time zone $6)::date"
_NAMES = ", ".join(
    f"'{SEGMENTS[recency, both]}'" for recency in range(1, BINS + 1) for both in range(1, BINS + 1)
)
_TIERS = ", ".join(f"'{TIERS[score]}'" for score in range(1, BINS + 1))
_FIFTHS = {
    "recency": "recency_days desc",
    "frequency": "frequency",
    "monetary": "monetary",
}


def _score(measure: str, edges: str | None) -> str:
    """The score of a measure: by its edges, or by how many of all are smaller; see app/domain/rfm.py."""
    if edges is None:
        return f"1 + {BINS} * (rank() over (order by {_FIFTHS[measure]}) - 1) / count(*) over ()"
    if measure == "recency":
        return f"{BINS} - width_bucket((recency_days - 1)::numeric, {edges})"
    return f"1 + width_bucket({measure}::numeric, {edges})"


async def add_run(
    uow: UnitOfWork,
    run: UUID,
    *,
    as_of: datetime,
    returns: Returns,
    window_days: int | None,
    bins: Mapping[str, Any] | None,
) -> None:
    """What a run that was started is asked."""
    await uow.execute(
        "insert into rfm_runs (org_id, id, as_of, returns, window_days, bins, currency, rules, created_at)"
        " select o.id, $2, $3, $4, $5, $6, o.currency, $7, $8 from organisations o where o.id = $1",
        uow.org_id,
        run,
        as_of,
        returns,
        window_days,
        bins,
        RULES,
        uow.now,
    )


async def anybody_bought(uow: UnitOfWork, before: datetime) -> bool:
    """Whether the organisation has an order of a contact from before a moment."""
    found: bool = await uow.fetchval(
        "select exists (select from orders where org_id = $1 and placed_at < $2 and contact_id is not null)",
        uow.org_id,
        before,
    )
    return found


async def of_run(uow: UnitOfWork, run: UUID) -> Row:
    """What a run is asked, with the organisation's time zone."""
    rows = await uow.fetch(
        "select r.*, o.time_zone from rfm_runs r join organisations o on o.id = r.org_id"
        " where r.org_id = $1 and r.id = $2",
        uow.org_id,
        run,
    )
    return rows[0]


async def prepare(uow: UnitOfWork) -> None:
    """Give the statements of this unit of work the memory and the time that they need."""
    limit = f"{_LONG.total_seconds():.0f}s"
    await uow.execute(
        "select set_config('work_mem', $1, true), set_config('statement_timeout', $2, true)", _MEMORY, limit
    )


def asked(run: Row) -> list[Any]:
    """What every statement over a run's orders is given."""
    since = None if run["window_days"] is None else run["as_of"] - timedelta(days=run["window_days"])
    return [run["org_id"], run["id"], run["as_of"], since, run["currency"], run["time_zone"]]


async def score(uow: UnitOfWork, run: Row) -> Row:
    """Score every customer of the organisation: how many they are, with how many sales, the first and the last one."""
    bins = run["bins"] or {}
    given = [measure for measure in _FIFTHS if bins.get(measure)]
    edges = [[Decimal(str(edge)) for edge in bins[measure]] for measure in given]
    return (await uow.fetch(_scoring(Returns(run["returns"]), given), *asked(run), *edges))[0]


async def left_out(uow: UnitOfWork, run: Row) -> list[dict[str, Any]]:
    """Orders that could not be counted, for want of an exchange rate: how many of which currency."""
    orders = _BOUGHT.format(columns="o.currency, count(*) as orders", rate=f"left {_RATE}")
    rows = await uow.fetch(
        f"with {_RATES} {orders}{_SOLD[Returns(run['returns'])]} and o.currency <> $5 and x.rate is null"
        " and $2::uuid is not null group by 1 order by 1",
        *asked(run),
    )
    return [dict(row) for row in rows]


async def count_scores(uow: UnitOfWork) -> None:
    """Let the planner count the scores now: it has not seen a run that was just made, and takes it for a few rows."""
    await uow.execute("select rapport_analyse(array['rfm_scores'])")


async def drop_archived(uow: UnitOfWork, run: UUID) -> None:
    """Take the scores from contacts that were archived, or erased, while they were scored.

    Comes in a transaction after that of the scoring: an erasure that has not ended by then finds the scores itself.
    """
    await uow.execute(
        "delete from rfm_scores s using contacts c where s.org_id = $1 and s.run_id = $2"
        " and c.org_id = $1 and c.id = s.contact_id and c.archived_at is not null",
        uow.org_id,
        run,
    )


async def find_previous(uow: UnitOfWork, run: Row) -> UUID | None:
    """The last run before this one that was asked the same, by the same rules, and whose scores are kept."""
    found: UUID | None = await uow.fetchval(
        "select p.id from rfm_runs p join rfm_runs r on r.org_id = p.org_id and r.id = $2 where p.org_id = $1"
        " and p.as_of < r.as_of and p.finished_at is not null and p.created_at > $3 and p.returns = r.returns"
        " and p.rules = r.rules and p.currency = r.currency and p.window_days is not distinct from r.window_days"
        " and p.bins is not distinct from r.bins order by p.as_of desc, p.id desc limit 1",
        uow.org_id,
        run["id"],
        uow.now - KEPT_FOR,
    )
    return found


async def finish(
    uow: UnitOfWork,
    run: UUID,
    *,
    findings: Mapping[str, Any],
    clusters: Mapping[str, Any] | None,
    previous: UUID | None,
) -> None:
    """Publish what was found."""
    await uow.execute(
        "update rfm_runs set findings = $3, clusters = $4, previous_id = $5, finished_at = $6"
        " where org_id = $1 and id = $2",
        uow.org_id,
        run,
        dict(findings),
        None if clusters is None else dict(clusters),
        previous,
        uow.now,
    )


_PACKED = """select coalesce(string_agg(uuid_send(contact_id), ''::bytea order by contact_id), '') as ids,
    coalesce(string_agg(float8send(recency_days), ''::bytea order by contact_id), '') as recency,
    coalesce(string_agg(float8send(frequency), ''::bytea order by contact_id), '') as frequency,
    coalesce(string_agg(float8send(monetary::float8), ''::bytea order by contact_id), '') as monetary,
    coalesce(string_agg(float8send(tenure_days), ''::bytea order by contact_id), '') as tenure
  from ({chosen}) s"""


async def sample(uow: UnitOfWork, run: UUID, most: int) -> Row:
    """Some of a run's contacts, by a hash of their ids: columns of packed numbers, eight bytes each, ids apart."""
    chosen = (
        "select * from rfm_scores where org_id = $1 and run_id = $2"
        " order by uuid_hash_extended(contact_id, 0), contact_id limit $3"
    )
    return (await uow.fetch(_PACKED.format(chosen=chosen), uow.org_id, run, most))[0]


async def next_columns(uow: UnitOfWork, run: UUID, after: UUID | None, most: int) -> Row:
    """The next of a run's contacts in the order of their ids, packed in the same way."""
    chosen = (
        "select * from rfm_scores where org_id = $1 and run_id = $2 and ($3::uuid is null or contact_id > $3)"
        " order by contact_id limit $4"
    )
    return (await uow.fetch(_PACKED.format(chosen=chosen), uow.org_id, run, after, most))[0]


async def assign(uow: UnitOfWork, run: UUID, after: UUID | None, last: UUID, clusters: bytes) -> None:
    """Put contacts after one id, up to and with another, into clusters: a byte each, in the order of their ids."""
    await uow.execute(
        "update rfm_scores s set cluster = get_byte($5, n.n::int - 1) from (select contact_id,"
        "   row_number() over (order by contact_id) as n from rfm_scores where org_id = $1 and run_id = $2"
        "   and ($3::uuid is null or contact_id > $3) and contact_id <= $4) n"
        " where s.org_id = $1 and s.run_id = $2 and s.contact_id = n.contact_id",
        uow.org_id,
        run,
        after,
        last,
        clusters,
    )


async def forget_contact(uow: UnitOfWork, contact: UUID) -> None:
    """Let go of every score of a contact."""
    await uow.execute("delete from rfm_scores where org_id = $1 and contact_id = $2", uow.org_id, contact)


def _sums(returns: Returns, money: str, rate: str, which: str) -> str:
    """Each contact's first and last sale, how many there were, and what they came to."""
    columns = (
        f"o.contact_id, min(o.placed_at) {_SALE} as first, max(o.placed_at) {_SALE} as last,"
        f" count(*) {_SALE} as frequency, sum({money}) as money"
    )
    return f"{_BOUGHT.format(columns=columns, rate=rate)}{_SOLD[returns]} and {which} group by o.contact_id"


def scored(returns: Returns, given: Sequence[str]) -> str:
    """Every customer with their scores, some measures by given edges, as the beginning of a statement.

    Few orders are in another currency. They are summed apart, so that the others need no look at rates.
    """
    own = _sums(returns, _MONEY[returns], "", "o.currency = $5")
    other = _sums(returns, f"{_MONEY[returns]} * x.rate", _RATE, "o.currency <> $5")
    places = {measure: f"${number}::numeric[]" for number, measure in enumerate(given, start=7)}
    r, f, m = (_score(measure, places.get(measure)) for measure in _FIFTHS)
    return f"""with {_RATES}, summed as (
      select contact_id, least(a.first, b.first) as first, greatest(a.last, b.last) as last,
        coalesce(a.frequency, 0) + coalesce(b.frequency, 0) as frequency,
        round(coalesce(a.money, 0) + coalesce(b.money, 0), 2) as monetary
      from ({own}) a full join ({other}) b using (contact_id)
    ), customers as (
      select s.contact_id, extract(day from $3 - s.last)::int as recency_days, s.frequency::int, s.monetary,
        extract(day from $3 - s.first)::int as tenure_days, s.first, s.last
      from summed s where s.frequency > 0 and not exists (select from contacts c
        where c.org_id = $1 and c.id = s.contact_id and c.archived_at is not null)
    ), scored as (
      select contact_id, recency_days, frequency, monetary, tenure_days, ({r})::int as r, ({f})::int as f, ({m})::int as m
      from customers
    )"""


def _scoring(returns: Returns, given: Sequence[str]) -> str:
    """The statement that scores every customer and keeps the scores: (contacts, sales, first and last sale)."""
    return f"""{scored(returns, given)}, kept as (
      insert into rfm_scores (org_id, run_id, contact_id, recency_days, frequency, monetary, tenure_days, r, f, m,
        segment, tier)
      select $1, $2, contact_id, recency_days, frequency, monetary, tenure_days, r, f, m,
        (array[{_NAMES}])[{BINS} * (r - 1) + (f + m + 1) / 2], (array[{_TIERS}])[m]
      from scored order by contact_id
    )
    select count(*) as contacts, coalesce(sum(frequency), 0)::bigint as sales, min(first) as first_at, max(last) as last_at
    from customers"""
