import copy
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from uuid import UUID

import pytest

from app.kit import clock
from app.sample.company import FIRST, World, build
from app.sample.load import SampleRefusedError, load
from app.sample.seasons import ZONE

PEOPLE = 150
NOUNS = ("teams", "users", "companies", "products", "contacts", "orders", "deals", "quotas", "interactions")
# What depends on the run and not on the world.
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OWN = frozenset({"id", "org_id", "created_at", "updated_at", "terms", "role_ids"})


@cache
def small(end: date) -> World:
    """A part of the sample in which every reference still holds."""
    world = build(end)
    contacts = world.contacts[:PEOPLE]
    names = {one["external_ids"]["sample"] for one in contacts}
    return replace(
        world,
        contacts=contacts,
        orders=[one for one in world.orders if one["contact_id"] in names],
        deals=[one for one in world.deals if one["contact_id"] in names],
        interactions=[one for one in world.interactions if one.get("contact_id") in names]
        + world.interactions[-1:],
    )


def quiet(what: str, done: int, total: int) -> None:
    """Nobody watches."""


async def loaded(owner, org_id: UUID) -> dict[str, list[str]]:
    """Everything of the sample, with external ids for ids."""
    found = {}
    async with owner.connection() as connection:

        async def ask(question: str) -> list[dict]:
            return [dict(row) for row in await connection.fetch(question, org_id)]

        links = await ask(
            "select noun_id, external_id from external_ids where org_id = $1 and system = 'sample'"
        )
        names = {str(link["noun_id"]): link["external_id"] for link in links}
        lines = await ask("select id, name from pipelines where org_id = $1")
        names |= {str(line["id"]): line["name"] for line in lines}
        for table in (*NOUNS, "order_lines", "deal_lines", "deal_moves", "tags", "exchange_rates"):
            rows = await ask(f"select * from {table} where org_id = $1")  # noqa: S608 - names of this file
            found[table] = sorted(
                _ID.sub(
                    lambda found: names.get(found[0], found[0]),
                    str((names.get(str(row["id"])), {k: v for k, v in row.items() if k not in OWN})),
                )
                for row in rows
                if table not in NOUNS or str(row["id"]) in names  # the administrator is none of ours
            )
        told = await ask(
            "select noun, type, count(*) from events where org_id = $1 and cause = 'sample' group by 1, 2 order by 1, 2"
        )
        found["events"] = list(map(str, told))
    return found


async def test_a_load_tells_how_far_it_is_and_a_second_one_does_nothing(database_url, org, owner):
    told: dict[str, tuple[int, int]] = {}

    def report(what: str, done: int, total: int) -> None:
        assert told.get(what, (0, total))[0] <= done <= total
        told[what] = (done, total)

    assert await load(database_url, report, organisation=org.id, build=small) is True
    assert list(told) == ["companies", "products", "contacts", "orders", "deals", "quotas", "interactions"]
    assert all(done == total > 0 for done, total in told.values())
    before = await loaded(owner, org.id)
    assert await load(database_url, quiet, organisation=org.id, build=small) is False
    assert await loaded(owner, org.id) == before
    world = small(clock.now().astimezone(ZONE).date())
    for noun in NOUNS:
        assert len(before[noun]) == len(getattr(world, noun))


KILLED = """
import asyncio, os, signal, sys
from uuid import UUID
from app.sample.load import load
from tests.sample.test_load import small

def report(what, done, total):
    if (what, done >= int(sys.argv[4])) == (sys.argv[3], True):
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(load(sys.argv[1], report, organisation=UUID(sys.argv[2]), build=small))
"""


def kill_in_the_middle(database_url: str, org_id: UUID, what: str, done: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, database_url, str(org_id), what, str(done)],
        env=os.environ,
        timeout=60,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL


async def test_a_load_that_was_killed_goes_on_to_the_same_world(database_url, org, other, owner):
    kill_in_the_middle(database_url, other.id, "contacts", 0)
    kill_in_the_middle(database_url, other.id, "interactions", 1000)
    half = await loaded(owner, other.id)
    assert len(half["contacts"]) == PEOPLE
    assert 0 < len(half["interactions"]) < len(small(clock.now().astimezone(ZONE).date()).interactions)
    assert await load(database_url, quiet, organisation=other.id, build=small) is True
    assert await load(database_url, quiet, organisation=org.id, build=small) is True
    assert await loaded(owner, other.id) == await loaded(owner, org.id)


async def test_a_load_that_goes_on_days_later_ends_on_the_day_it_began(database_url, org, owner):
    kill_in_the_middle(database_url, org.id, "companies", 0)
    async with owner.connection() as connection:
        began = await connection.fetchval(
            "update teams t set created_at = created_at - interval '3 days' from external_ids x"
            " where x.org_id = $1 and x.external_id = $2 and t.org_id = x.org_id and t.id = x.noun_id"
            " returning t.created_at",
            org.id,
            FIRST,
        )
    ends = []

    def noted(end: date) -> World:
        ends.append(end)
        return small(end)

    await load(database_url, quiet, organisation=org.id, build=noted)
    assert ends == [began.astimezone(ZONE).date()]
    assert ends[0] <= clock.now().date() - timedelta(days=2)


async def test_what_people_changed_meanwhile_stays_as_they_left_it(database_url, org, owner):
    kill_in_the_middle(database_url, org.id, "orders", 0)
    async with owner.connection() as connection:
        await connection.execute(
            "update contacts t set name = '改过' from external_ids x where x.org_id = $1"
            " and x.external_id = 'contact-0001' and t.org_id = x.org_id and t.id = x.noun_id",
            org.id,
        )
    await load(database_url, quiet, organisation=org.id, build=small)
    async with owner.connection() as connection:
        assert await connection.fetchval(
            "select count(*) from contacts where org_id = $1 and name = '改过'", org.id
        )


async def test_every_record_and_every_consent_has_its_event_and_nobody_can_sign_in(database_url, org, owner):
    await load(database_url, quiet, organisation=org.id, build=small)
    world = small(clock.now().astimezone(ZONE).date())
    people = {one["external_ids"]["sample"] for one in world.contacts}
    said = sum(len(words) for name, words in world.consents.items() if name in people)
    async with owner.connection() as connection:
        silent = await connection.fetchval(
            "select count(*) from external_ids x where x.org_id = $1 and x.system = 'sample' and not exists"
            " (select from events e where e.org_id = x.org_id and e.noun_id = x.noun_id and e.type ~ '[.](added|opened)$')",
            org.id,
        )
        assert silent == 0
        kept = await connection.fetchval(
            "select sum(jsonb_array_length(consents)) from contacts where org_id = $1", org.id
        )
        recorded = await connection.fetchval(
            "select count(*) from events where org_id = $1 and type = 'contact.consent_recorded'", org.id
        )
        assert kept == recorded == said > 50
        users = await connection.fetch(
            "select password_hash, cardinality(role_ids) as roles from users u join external_ids x"
            " on x.org_id = u.org_id and x.noun_id = u.id where u.org_id = $1",
            org.id,
        )
        assert [tuple(user.values()) for user in users] == [(None, 1)] * 6


async def test_a_refused_record_stops_the_load_and_is_named(database_url, org):
    def wrong(end: date) -> World:
        world = copy.deepcopy(small(end))
        world.orders[5]["total"] = "1.00"
        return world

    with pytest.raises(SampleRefusedError, match=r"order order-\d+ .*total of 1\.00"):
        await load(database_url, quiet, organisation=org.id, build=wrong)
    assert await load(database_url, quiet, organisation=org.id, build=small) is True
