"""The event log as its readers see it: masked like the records it tells of."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Select, and_, bindparam, false, literal_column, or_, select
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from app.db import memberships, paging, sight
from app.db.base import TEXT
from app.db.contacts import CONTACTS
from app.db.engine import Prepared, compiled, prepared
from app.db.nouns import Noun
from app.db.organisations import Organisation
from app.db.reads import Question, Reads, must_see
from app.db.registry import NOUNS
from app.db.segments import TOLD
from app.domain.access import Actor, Scope
from app.domain.assignment import RULE, About
from app.domain.errors import InvalidInput

_ASSIGNED = frozenset(About)
_CONTEXT = "events"
_COMMITS = "events:committed"
# No transaction that still runs can put an event before these any more; see app.db.events.read_after.
_SETTLED = "e.xid < pg_snapshot_xmin(pg_current_snapshot())"
_END = f"""coalesce((select json_build_array(e.xid::text::bigint, e.seq)::text from events e
  where e.org_id = {{org}} and {_SETTLED} order by e.xid desc, e.seq desc limit 1), '[0, 0]')"""
SETTINGS = "organisation"
"""What events of the organisation's own settings are told of; it is no noun, and one scope opens all of it."""
_SETTINGS = [column.name for column in Organisation.__table__.columns if column.name != "stamp"]

# before and after keep what the reader may read of that noun; what is inside custom is named custom.key.
_MASK = """(select coalesce(jsonb_object_agg(f.key,
    case when f.key = 'custom' and jsonb_typeof(f.value) = 'object' and not m.names ? 'custom' then
      (select coalesce(jsonb_object_agg(c.key, c.value), '{{}}') from jsonb_each(f.value) c
        where m.names ? ('custom.' || c.key))
    else f.value end), '{{}}')
  from jsonb_each(e.{side}) f
  where m.names ? f.key or (f.key = 'custom' and m.customs))"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events to list."""

    noun: str | None = None
    noun_id: UUID | None = None
    type: str | None = None
    actor_id: UUID | None = None
    since: datetime | None = None
    before: datetime | None = None
    limit: int = 50
    cursor: str | None = None
    committed: bool = False
    """In the order of commits, for who follows the log; newest first otherwise."""


def names(actor: Actor, noun: Noun) -> list[str]:
    """The fields of a noun's events that the actor may read; "custom" stands for all of its keys."""
    shown = [name for name in noun.readable(actor) if name != "custom"]
    if noun is CONTACTS:
        shown += memberships.TOLD
    if noun.name in _ASSIGNED and noun.shows(actor, "owner_id"):
        shown.append(RULE)
    if not noun.custom:
        return shown
    if actor.reads(noun.name, "custom"):
        return [*shown, "custom"]
    return shown + [f"custom.{key}" for key in noun.custom_keys(actor)]


def opened(actor: Actor) -> list[Noun]:
    """The nouns whose records the actor may read at all."""
    return [noun for noun in NOUNS.values() if actor.may(Scope(noun.reading))]


def _settings_open(actor: Actor) -> bool:
    return actor.may(Scope.settings_read)


def seen(actor: Actor, nouns: list[Noun]) -> Any:
    """Events of records that the actor sees."""
    noun_of: ColumnElement[Any] = literal_column("e.noun")
    id_of: ColumnElement[Any] = literal_column("e.noun_id")
    whole = [noun.name for noun in nouns if sight.sees_all(actor, noun)]
    if _settings_open(actor):
        whole.append(SETTINGS)
    ways = [noun_of == literal_column(f"'{name}'") for name in whole]
    for noun in nouns:
        if noun.name not in whole:
            inside: Select[Any] = select(literal_column("1")).where(
                sight.tenant(noun), noun.table.c.id == id_of, sight.visible(actor, noun)
            )
            ways.append(and_(noun_of == literal_column(f"'{noun.name}'"), inside.exists()))
    return or_(false(), *ways)


def _known(actor: Actor) -> ColumnElement[bool]:
    about = memberships.about(actor, "e", "cast(:readable as text[])")
    return literal_column("true") & sql(about).bindparams(bindparam("readable", type_=ARRAY(TEXT)))


def _question(actor: Actor, wanted: Wanted) -> Question:
    nouns = opened(actor)
    last, values = _begun(wanted)
    given = _given(wanted)
    key = (
        "events",
        tuple(given),
        wanted.since is None,
        wanted.before is None,
        wanted.committed,
        last,
        _settings_open(actor),
        memberships.may_know(actor),
        tuple((noun.name, sight.sight_key(actor, noun)) for noun in nouns),
    )
    values |= given | {"since": wanted.since, "before": wanted.before} | paging.limits(wanted.limit)
    values |= {"masks": _masks(actor, nouns), "readable": sight.listed(sight.readable(actor, TOLD))}
    for noun in nouns:
        values |= sight.binds(actor, noun)
    text = partial(_text, actor, nouns, wanted, last)
    return Question(prepared(key, text), values | {"org": actor.org_id})


def _given(wanted: Wanted) -> dict[str, Any]:
    """What is wanted of single columns."""
    asked = {name: getattr(wanted, name) for name in ("noun", "noun_id", "type", "actor_id")}
    return {name: value for name, value in asked.items() if value is not None}


def _masks(actor: Actor, nouns: list[Noun]) -> dict[str, list[str]]:
    """What may be read, by noun; under custom, of which nouns custom fields may be."""
    masks = {noun.name: names(actor, noun) for noun in nouns} | {SETTINGS: _SETTINGS}
    masks["custom"] = [
        n.name for n in nouns if n.custom and (actor.reads(n.name, "custom") or n.custom_keys(actor))
    ]
    return masks


def _text(actor: Actor, nouns: list[Noun], wanted: Wanted, last: str) -> Prepared:
    ready = compiled(and_(*_filters(actor, nouns, wanted, last)))
    masks, more = (f"${len(ready.names) + place}" for place in (1, 2))
    order = "e.xid, e.seq" if wanted.committed else "e.seq desc"
    inner = f"""select e.seq, e.xid::text::bigint as xid, row_to_json((select r from (select
        e.seq, e.id, e.at, e.type, e.noun, e.noun_id, e.version, e.actor_id, e.actor_kind,
        case when e.before is not null then {_MASK.format(side="before")} end as before,
        {_MASK.format(side="after")} as after, e.cause) r)) as body
      from (select * from events e where {ready.sql} order by {order} limit {more}::int) e
      cross join lateral (select coalesce({masks}::jsonb -> e.noun, '[]') as names,
        coalesce({masks}::jsonb -> 'custom' ? e.noun, false) as customs) m order by {order}"""
    whole = Prepared(inner, (*ready.names, "masks", "more"))
    if wanted.committed:
        return paging.paged(whole, "t.body::text", "json_build_array(t.xid, t.seq)", _END)
    return paging.paged(whole, "t.body::text", "json_build_array(t.seq)")


def _filters(actor: Actor, nouns: list[Noun], wanted: Wanted, last: str) -> Iterator[ColumnElement[bool]]:
    yield literal_column("e.org_id") == bindparam("org", type_=Uuid)
    yield seen(actor, nouns)
    yield _known(actor)
    for name in _given(wanted):
        value = bindparam(name, type_=Uuid()) if name.endswith("_id") else bindparam(name, "")
        yield literal_column(f"e.{name}") == value
    if wanted.since is not None:
        yield literal_column("e.at") >= bindparam("since", wanted.since)
    if wanted.before is not None:
        yield literal_column("e.at") < bindparam("before", wanted.before)
    if last:
        yield literal_column("true") & sql(last).bindparams(bindparam("seq", type_=BigInteger))


def _begun(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    """What is true of the events that come next, and its values."""
    if wanted.committed:
        xid, seq = paging.opened(_COMMITS, wanted.cursor, paging.commit) if wanted.cursor else (0, 0)
        after = "(e.xid, e.seq) > (cast(cast(:xid as text) as xid8), :seq)"
        return f"{after} and {_SETTLED}", {"xid": str(xid), "seq": seq}
    if not wanted.cursor:
        return "", {}
    return "e.seq < :seq", {"seq": paging.opened(_CONTEXT, wanted.cursor, paging.sequence)}


async def list_events(reads: Reads, wanted: Wanted) -> bytes:
    """A page of events."""
    nouns = (*NOUNS, SETTINGS)
    if wanted.noun is not None and wanted.noun not in nouns:
        raise InvalidInput("noun_unknown", f"There is no noun {wanted.noun!r}; there are {', '.join(nouns)}.")
    row = await reads.row(lambda actor: _question(actor, wanted))
    if wanted.committed:
        return paging.answer(row, wanted.limit, _COMMITS, endless=True)
    return paging.answer(row, wanted.limit, _CONTEXT)


async def of_record(reads: Reads, noun: Noun, id_: UUID, limit: int, after: str | None) -> bytes:
    """The history of one record. Raises NotFound when the reader may not see it."""

    await must_see(reads, noun, id_)
    return await list_events(reads, Wanted(noun=noun.name, noun_id=id_, limit=limit, cursor=after))


async def of_settings(reads: Reads, limit: int, after: str | None) -> bytes:
    """The history of the organisation's settings."""
    return await list_events(reads, Wanted(noun=SETTINGS, limit=limit, cursor=after))
