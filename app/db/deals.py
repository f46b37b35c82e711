"""Deals with their lines and their stage history, and the questions asked of them."""

from collections.abc import Collection, Mapping, Sequence, Set
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, bindparam, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from app.db import paging
from app.db.base import Keyed, Record, choice, field, last_changed, newest_first, one_of, points_to, sought
from app.db.companies import COMPANIES
from app.db.competitors import COMPETITORS, IN_PLAY
from app.db.contacts import CONTACTS
from app.db.engine import Prepared, Row, compiled, prepared
from app.db.nouns import Child, Noun, Through
from app.db.people import PEOPLE
from app.db.pipelines import PIPELINES
from app.db.products import PRODUCTS
from app.db.reads import Question, Reads, absent, binds, checked, must_see, of_sight, stamped, text_key
from app.db.uow import UnitOfWork
from app.db.users import USERS
from app.domain.access import Actor
from app.domain.deals.amounts import worth
from app.domain.deals.competitors import check_competitors
from app.domain.deals.moves import Approval, Entry, Verb
from app.domain.errors import RuleBroken
from app.domain.pipelines.stages import StageKind
from app.kit import terms
from app.kit.ids import new_id


class Deal(Record):
    """Something that somebody may buy."""

    __tablename__ = "deals"
    __table_args__ = (
        points_to("contact_id", "contacts"),
        points_to("company_id", "companies"),
        points_to("pipeline_id", "pipelines"),
        points_to("owner_id", "users"),
        points_to("lost_to_id", "competitors"),
        one_of("status", StageKind),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("probability between 0 and 1", name="probability"),
        CheckConstraint("status <> 'won' or amount is not null", name="won"),
        newest_first("deals"),
        last_changed("deals"),
        Index("ix_deals_contact", "org_id", "contact_id", text("entered_at desc"), text("id desc")),
        Index("ix_deals_company", "org_id", "company_id", text("entered_at desc"), text("id desc")),
        Index("ix_deals_owner", "org_id", "owner_id"),
        Index("ix_deals_opened", "org_id", "pipeline_id", "opened_at"),
        Index("ix_deals_closed", "org_id", "pipeline_id", "closed_at"),
        Index("ix_deals_lost_to", "org_id", "lost_to_id", postgresql_where=text("lost_to_id is not null")),
        Index("ix_deals_stage", "org_id", "pipeline_id", "stage", text("entered_at desc"), text("id desc")),
        sought("deals"),
    )

    name: Mapped[str] = mapped_column(info=field("basic", sorted_by="name_key"))
    name_key: Mapped[str] = mapped_column(info=field(internal=True))
    contact_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    company_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    pipeline_id: Mapped[UUID] = mapped_column(info=field("basic"))
    stage: Mapped[str] = mapped_column(info=field("basic"))
    """The key of a stage of its pipeline."""
    status: Mapped[str] = mapped_column(info=choice(StageKind, "basic", writable=False))
    """The kind of its stage."""
    amount: Mapped[Decimal | None] = mapped_column(info=field("basic"))
    """What the lines come to, where there are any."""
    currency: Mapped[str] = mapped_column(info=field("basic"))
    probability: Mapped[Decimal | None] = mapped_column(info=field("basic"))
    """Its own, in place of its stage's."""
    expected_close: Mapped[date | None] = mapped_column(info=field("basic"))
    owner_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    channel: Mapped[str | None] = mapped_column(info=field("basic"))
    campaign: Mapped[str | None] = mapped_column(info=field("basic"))
    next_step: Mapped[str | None] = mapped_column(info=field("basic"))
    next_step_on: Mapped[date | None] = mapped_column(info=field("basic"))
    lost_reason: Mapped[str | None] = mapped_column(info=field("basic", writable=False))
    lost_to_id: Mapped[UUID | None] = mapped_column(info=field("basic", writable=False))
    """The competitor that won it."""
    opened_at: Mapped[datetime] = mapped_column(info=field("basic", writable=False))
    entered_at: Mapped[datetime] = mapped_column(info=field("basic", writable=False))
    """When it came to its stage."""
    closed_at: Mapped[datetime | None] = mapped_column(info=field("basic", writable=False))
    closed_from: Mapped[str | None] = mapped_column(info=field("basic", writable=False))
    """The stage that it was closed in."""
    credit: Mapped[list[dict[str, Any]] | None] = mapped_column(info=field("basic"))
    """Whose success it is, in per cent; nothing, and it is the owner's."""
    approvals: Mapped[list[dict[str, Any]] | None] = mapped_column(info=field("basic", writable=False))
    """What was agreed to while it has stood in its stage."""
    tags: Mapped[list[str]] = mapped_column(info=field("basic"))
    custom: Mapped[dict[str, Any]] = mapped_column(info=field())
    terms: Mapped[str] = mapped_column(TSVECTOR, info=field(internal=True))


class DealLine(Keyed):
    """One product, or one described thing, that a deal is about."""

    __tablename__ = "deal_lines"
    __table_args__ = (
        points_to("deal_id", "deals"),
        points_to("product_id", "products"),
        Index("ix_deal_lines_deal", "org_id", "deal_id"),
        Index("ix_deal_lines_product", "org_id", "product_id"),
    )

    deal_id: Mapped[UUID]
    position: Mapped[int]
    product_id: Mapped[UUID | None]
    description: Mapped[str | None]
    quantity: Mapped[Decimal]
    unit_price: Mapped[Decimal]
    discount: Mapped[Decimal]
    amount: Mapped[Decimal]


class DealMove(Keyed):
    """One entry of a stage history, which is only added to."""

    __tablename__ = "deal_moves"
    __table_args__ = (
        points_to("deal_id", "deals"),
        points_to("pipeline_id", "pipelines"),
        one_of("verb", Verb),
        Index("ix_deal_moves_deal", "org_id", "deal_id", "at", "id"),
        Index("ix_deal_moves_pipeline", "org_id", "pipeline_id", "at"),
    )

    deal_id: Mapped[UUID]
    pipeline_id: Mapped[UUID]
    verb: Mapped[str]
    from_stage: Mapped[str | None]
    to_stage: Mapped[str]
    at: Mapped[datetime]
    by_id: Mapped[UUID | None]
    """Who did it; nobody for what a change of the pipeline did."""
    why: Mapped[str | None]
    seconds: Mapped[int | None] = mapped_column(BigInteger)
    """In the stage that was left."""
    business_seconds: Mapped[int | None] = mapped_column(BigInteger)
    """Those of them that lie in the organisation's opening hours."""


def _derive(row: dict[str, Any], given: Set[str], _: Actor) -> dict[str, Any]:
    stated = row["amount"] if "amount" in given or not row["lines"] else None
    found = worth(stated, row["lines"])
    return {"amount": found.amount, "lines": list(found.lines), **searched(row["name"])}


def searched(name: str) -> dict[str, Any]:
    """What a deal is sorted and found by."""
    return {"name_key": terms.sort_key(name, person=False), "terms": list(terms.index("n", name))}


def _guard(row: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    if row["status"] == StageKind.WON and "amount" in new and new["amount"] is None:
        raise RuleBroken("won_without_amount", "A deal that is won has an amount; state it.")


DEALS = Noun(
    name="deal",
    plural="deals",
    model=Deal,
    owned=True,
    through=(Through("contact_id", CONTACTS), Through("company_id", COMPANIES)),
    references={
        "contact_id": CONTACTS,
        "company_id": COMPANIES,
        "pipeline_id": PIPELINES,
        "owner_id": USERS,
        "lost_to_id": COMPETITORS,
    },
    children={
        "lines": Child(
            table=DealLine.__table__,  # type: ignore[arg-type]  # declarative types it as FromClause
            parent="deal_id",
            columns=("id", "product_id", "description", "quantity", "unit_price", "discount", "amount"),
            references={"product_id": PRODUCTS},
        ),
        "people": PEOPLE,
        "competitors": IN_PLAY,
    },
    search={"n": ("name", "name")},
    derive=_derive,
    check=check_competitors,
    guard=_guard,
    guarded=frozenset({"status"}),
    made_of={"approvals": lambda actor: actor.reads("deal", "amount") and actor.reads("deal", "currency")},
    sources=frozenset({"name", "amount", "lines", "competitors"}),
    computed=frozenset({"id", "amount"}),
)


_STAGES = Prepared(
    "select verb, from_stage, to_stage, at, by_id, why, seconds, business_seconds, id from deal_moves"
    " where org_id = $1 and deal_id = $2 and ($3::timestamptz is null or (at, id) > ($3::timestamptz, $4::uuid))"
    " order by at, id limit $5",
    ("org", "deal", "at", "entry", "more"),
)


async def add_moves(uow: UnitOfWork, made: Sequence[tuple[UUID, UUID, Entry]]) -> None:
    """Write entries of stage histories: deal, pipeline and entry."""
    entries = [entry for _, _, entry in made]
    await uow.execute(
        "insert into deal_moves (org_id, id, deal_id, pipeline_id, verb, from_stage, to_stage, at, by_id, why, seconds,"
        " business_seconds) select $1, m.* from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[],"
        " $7::text[], $8::timestamptz[], $9::uuid[], $10::text[], $11::bigint[], $12::bigint[]) m",
        uow.org_id,
        [new_id() for _ in made],
        [deal for deal, _, _ in made],
        [pipeline for _, pipeline, _ in made],
        [entry.verb for entry in entries],
        [entry.from_stage for entry in entries],
        [entry.to_stage for entry in entries],
        [entry.at for entry in entries],
        [entry.by for entry in entries],
        [entry.why for entry in entries],
        [entry.seconds for entry in entries],
        [entry.business_seconds for entry in entries],
    )


async def histories(uow: UnitOfWork, ids: Collection[UUID]) -> dict[UUID, list[tuple[str, datetime]]]:
    """The stages that deals have come to and when, the first one first, by deal."""
    rows = await uow.fetch(
        "select deal_id, to_stage, at from deal_moves where org_id = $1 and deal_id = any($2::uuid[]) order by at, id",
        uow.org_id,
        list(ids),
    )
    found: dict[UUID, list[tuple[str, datetime]]] = {}
    for deal, stage, at in rows:
        found.setdefault(deal, []).append((stage, at))
    return found


async def forget_why(uow: UnitOfWork, ids: Sequence[UUID]) -> None:
    """Take from stage histories what somebody wrote there; that a deal moved, when and by whom stays."""
    await uow.execute(
        "update deal_moves set why = null where org_id = $1 and deal_id = any($2::uuid[]) and why is not null",
        uow.org_id,
        ids,
    )


async def unknown_users(uow: UnitOfWork, users: Sequence[UUID]) -> list[UUID]:
    """Those of the ids that are no user's who is not archived."""
    rows = await uow.fetch(
        "select id from users where org_id = $1 and id = any($2::uuid[]) and archived_at is null for key share",
        uow.org_id,
        list(users),
    )
    return sorted(set(users) - {row["id"] for row in rows})


async def standing(uow: UnitOfWork, pipeline: UUID) -> dict[str, int]:
    """How many deals stand in each stage of a pipeline, closed and archived ones included."""
    rows = await uow.fetch(
        "select stage, count(*) as deals from deals where org_id = $1 and pipeline_id = $2 group by stage",
        uow.org_id,
        pipeline,
    )
    return {row["stage"]: row["deals"] for row in rows}


async def any_open(uow: UnitOfWork, pipeline: UUID) -> bool:
    """Whether an open deal that is not archived stands in a pipeline."""
    found: bool = await uow.fetchval(
        "select exists (select from deals where org_id = $1 and pipeline_id = $2 and status = 'open'"
        " and archived_at is null)",
        uow.org_id,
        pipeline,
    )
    return found


async def in_stages(uow: UnitOfWork, pipeline: UUID, stages: Sequence[str], most: int) -> list[UUID]:
    """The deals that stand in stages of a pipeline, archived ones included, no more than most."""
    rows = await uow.fetch(
        "select id from deals where org_id = $1 and pipeline_id = $2 and stage = any($3) order by id limit $4",
        uow.org_id,
        pipeline,
        list(stages),
        most,
    )
    return [row["id"] for row in rows]


async def pipeline_held(uow: UnitOfWork, deal: UUID) -> Row:
    """The pipeline of a deal, kept as it is until the unit of work ends. Raises NotFound.

    To be asked for before the deal is locked: a change of the pipeline locks first itself and then the deals in it.
    """
    rows = await uow.fetch(
        "select * from pipelines where org_id = $1"
        " and id = (select pipeline_id from deals where org_id = $1 and id = $2) for share",
        uow.org_id,
        deal,
    )
    if not rows:
        raise absent(DEALS)
    return rows[0]


def _place(values: list[Any]) -> tuple[datetime, UUID]:
    at, entry = values
    return datetime.fromisoformat(at), UUID(entry)


async def stage_history(door: Reads, deal: UUID, limit: int, after: str | None) -> bytes:
    """A page of a deal's stage history, the first entry first. Raises NotFound, and Forbidden for hidden fields."""
    last = paging.opened("stages", after, _place) if after else (None, None)
    await must_see(door, DEALS, deal)

    def build(actor: Actor) -> Question:
        checked(actor, DEALS, frozenset({"stage", "entered_at", "lost_reason"}))
        statement = paging.paged(_STAGES, "(to_jsonb(t) - 'id')::text", "json_build_array(t.at, t.id)")
        binds = {"org": actor.org_id, "deal": deal, "at": last[0], "entry": last[1]}
        return Question(statement, binds | paging.limits(limit))

    return paging.answer(await door.row(build), limit, "stages")


async def known(door: Reads, deal: UUID) -> Row:
    """A deal that the reader sees, as the rules know it. Raises NotFound."""

    def build(actor: Actor) -> Question:
        def text_() -> Prepared:
            shown = [c for c in DEALS.table.columns if not isinstance(c.type, TSVECTOR)]
            inner = of_sight(actor, DEALS, [*shown, DEALS.output("lines")])
            inner = inner.where(DEALS.table.c.id == bindparam("id", type_=DEALS.table.c.id.type))
            return stamped(compiled(inner), "t.* from organisations o left join ({inner}) t on true")

        return Question(
            prepared(("known", *text_key(actor, DEALS)), text_), binds(actor, DEALS) | {"id": deal}
        )

    row = await door.row(build)
    if row["id"] is None:
        raise absent(DEALS)
    return row


def credit_of(row: Row | Mapping[str, Any]) -> dict[UUID, Decimal]:
    """Whose success a deal is, in per cent."""
    return {UUID(one["user_id"]): Decimal(one["share"]) for one in row["credit"] or ()}


def credit_row(credit: Mapping[UUID, Decimal]) -> list[dict[str, str]]:
    """The same as it is kept."""
    return [{"user_id": str(user), "share": f"{share:.4f}"} for user, share in credit.items()]


def approvals_of(row: Row | Mapping[str, Any]) -> list[Approval]:
    """What was agreed to of a deal."""
    return [
        Approval(
            one["stage"],
            one["by_id"] and UUID(one["by_id"]),
            datetime.fromisoformat(one["at"]),
            None if one["amount"] is None else Decimal(one["amount"]),
            one.get("currency", ""),
        )
        for one in row["approvals"] or ()
    ]


def approval_row(approval: Approval) -> dict[str, Any]:
    """The same as it is kept."""
    return {
        "stage": approval.stage,
        "by_id": approval.by and str(approval.by),
        "at": approval.at.isoformat(),
        "amount": None if approval.amount is None else format(approval.amount, "f"),
        "currency": approval.currency,
    }
