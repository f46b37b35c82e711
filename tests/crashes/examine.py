"""What the database says against what the clients' journal says; every difference is a sentence."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

import asyncpg

from app.db.registry import NOUNS
from tests.crashes.journal import SYSTEM, Journal, Known, Write

_VERSIONS = """
select r.id, r.version, e.n, e.kinds, e.least, e.most from {table} r full join (
  select noun_id, count(*) n, count(distinct version) kinds, min(version) least, max(version) most
  from events where noun = $1 group by noun_id) e on e.noun_id = r.id
where (r.version, r.version, 1, r.version) is distinct from (e.n, e.kinds, e.least, e.most)
"""
_STORED = """
select x.external_id, r.id::text, r.version, {mark} as mark
from external_ids x join {table} r on (r.org_id, r.id) = (x.org_id, x.noun_id) where x.noun = $1 and x.system = $2
"""
_MARK = {"contact": "r.job_title", "order": "null"}


async def examine(database_url: str, journal: Journal) -> list[str]:
    """Everything that is wrong, once nothing is being written any more."""
    connection = await asyncpg.connect(database_url)  # as the owner: it sees every tenant
    try:
        found = list(journal.faults)
        found += await _versions(connection)
        found += await _halves(connection)
        found += await _keys(connection, journal)
        found += await _writes(connection, journal)
        found += await _records(connection, journal)
        found += await _runs(connection)
    finally:
        await connection.close()
    return found


async def _versions(connection: Any) -> list[str]:
    """Every record has one event for each of its versions, and every event its record."""
    found = []
    for noun in NOUNS.values():
        if noun.name == "run":  # progress moves the version without an event
            continue
        rows = await connection.fetch(_VERSIONS.format(table=noun.plural), noun.name)
        found += [f"{noun.name}: versions and events differ: {dict(row)}" for row in rows[:5]]
    return found


async def _halves(connection: Any) -> list[str]:
    found = []
    for what, sql in {
        "order without its two lines": "select o.id from orders o left join order_lines l"
        " on (l.org_id, l.order_id) = (o.org_id, o.id) group by o.id, o.subtotal"
        " having count(l.id) <> 2 or sum(l.amount) <> o.subtotal",
        "line without an order": "select l.id from order_lines l where not exists"
        " (select from orders o where (o.org_id, o.id) = (l.org_id, l.order_id))",
        "external id without a contact": "select x.external_id from external_ids x where noun = 'contact'"
        " and not exists (select from contacts c where (c.org_id, c.id) = (x.org_id, x.noun_id))",
        "external id without an order": "select x.external_id from external_ids x where noun = 'order'"
        " and not exists (select from orders o where (o.org_id, o.id) = (x.org_id, x.noun_id))",
        "contact without its external id": "select c.id from contacts c where not exists"
        " (select from external_ids x where (x.org_id, x.noun, x.noun_id) = (c.org_id, 'contact', c.id))",
        "transaction left open": "select pid from pg_stat_activity where application_name = 'rapport'"
        " and state like 'idle in transaction%'",
    }.items():
        found += [f"{what}: {row[0]}" for row in (await connection.fetch(sql))[:5]]
    return found


async def _keys(connection: Any, journal: Journal) -> list[str]:
    """A key stands there if and only if its write was kept, with the answer that was given."""
    rows = await connection.fetch("select key, status, body from idempotency_keys")
    kept = {row["key"]: row for row in rows}
    found = [f"key {row['key']} without an answer" for row in rows if row["status"] is None]
    for write in journal.writes:
        if write.key is None:
            continue
        row = kept.get(write.key)
        if write.acknowledged and row is None:
            found.append(f"key {write.key} was answered and is not there")
        elif (
            write.acknowledged
            and row is not None
            and (row["status"], row["body"].encode()) != (write.status, write.answer)
        ):
            found.append(f"key {write.key} has another answer than the one that was given")
        elif write.status is not None and not write.acknowledged and row is not None:
            found.append(f"key {write.key} was refused and is there")
    return found


async def _writes(connection: Any, journal: Journal) -> list[str]:
    """Acknowledged: all of its events, once. Refused: none. Unanswered: all or none."""
    caused = Counter(row["cause"] for row in await connection.fetch("select cause from events"))
    keys = {row["key"] for row in await connection.fetch("select key from idempotency_keys")}
    found = []
    for write in journal.writes:
        counts = [caused[name] for name in write.attempts if caused[name]]
        told = f"{write.method} {write.path} {write.key} {write.attempts}"
        if len(counts) > 1:
            found.append(f"kept more than once: {told}: {counts}")
        elif counts and counts != [write.events]:
            found.append(f"kept in part: {told}: {counts} events of {write.events}")
        elif write.acknowledged and not counts:
            found.append(f"acknowledged and lost: {told}")
        elif counts and write.status is not None and not write.acknowledged:
            found.append(f"refused ({write.status}) and kept: {told}")
        elif write.status is None and write.key is not None and bool(counts) != (write.key in keys):
            found.append(f"unanswered, and the key does not say whether it was kept: {told}")
    return found


async def _records(connection: Any, journal: Journal) -> list[str]:
    """Each record is there once, under the name and as its only writer last knew it."""
    found = []
    for noun, mark in _MARK.items():
        sql = _STORED.format(mark=mark, table=NOUNS[noun].plural)
        rows = await connection.fetch(sql, noun, SYSTEM)
        stored = {row["external_id"]: row for row in rows}
        for record in journal.records:
            if record.noun == noun:
                found += _compare(record, stored.get(record.name))
        expected = {name for write in _makers(journal, noun) for name in write.names}
        found += [f"{noun} that nobody made: {name}" for name in sorted(stored.keys() - expected)[:5]]
        for write in _makers(journal, noun):
            there = sum(name in stored for name in write.names)
            if there not in {0, len(write.names)} or (write.acknowledged and not there):
                found.append(f"{write.key}: {there} of {len(write.names)} records are there")
    return found


def _makers(journal: Journal, noun: str) -> Iterable[Write]:
    path = f"/v1/{NOUNS[noun].plural}"
    return (write for write in journal.writes if write.names and write.path in {path, f"{path}/bulk"})


def _compare(record: Known, row: Any) -> list[str]:
    if row is None or row["id"] != record.id:
        return [f"{record.noun} {record.name} is lost: {row}"]
    if record.sure and (row["version"], row["mark"]) != (record.version, record.mark):
        return [f"{record.noun} {record.name} is {dict(row)} and should be {record}"]
    if not record.sure and row["version"] not in {record.version, record.version + 1}:
        return [f"{record.noun} {record.name} is in version {row['version']}, known up to {record.version}"]
    return []


async def _runs(connection: Any) -> list[str]:
    """Every run has ended well, and said so once."""
    rows = await connection.fetch(
        "select r.id, r.kind, r.status, r.error, r.attempts, r.lease, r.result,"
        " count(e.*) filter (where e.type = 'run.queued') as queued,"
        " count(e.*) filter (where e.type = 'run.started') as started,"
        " count(e.*) filter (where e.type = 'run.done') as done"
        " from runs r left join events e on e.org_id = r.org_id and e.noun = 'run' and e.noun_id = r.id group by r.org_id, r.id"
    )
    return [
        f"run: {dict(row)}"
        for row in rows
        if (row["status"], row["queued"], row["started"], row["done"], row["lease"])
        != ("done", 1, 1, 1, None)
    ]


async def tagged(database_url: str, tag: str, names: list[str]) -> list[str]:
    """Those of the contacts that do not carry this tag alone."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(
            "select x.external_id, c.tags from contacts c join external_ids x on (x.org_id, x.noun_id) = (c.org_id, c.id)"
            " where x.system = $1 and x.external_id = any($2) and c.tags is distinct from array[$3]",
            SYSTEM,
            names,
            tag,
        )
    finally:
        await connection.close()
    return [json.dumps([row["external_id"], row["tags"]]) for row in rows]
