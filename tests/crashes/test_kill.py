"""kill -9 of everything in the middle of writes; the long way is python -m tests.crashes."""

from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.crashes.examine import examine
from tests.crashes.house import House, house
from tests.crashes.storm import Storm

_DAMAGE = (
    "delete from events where noun = 'contact' and noun_id = (select noun_id from events where noun = 'contact' limit 1)",
    (
        "insert into events (org_id, at, type, noun, noun_id, version, actor_id, actor_kind, before, after, cause)"
        " select org_id, at, type, noun, noun_id, version, actor_id, actor_kind, before, after, cause from events"
        " where noun = 'order' limit 1"
    ),
    "delete from order_lines where id = (select id from order_lines limit 1)",
    "delete from contacts where id = (select id from contacts order by id desc limit 1)",
    "update contacts set job_title = 'lost' where id = '{sure}'",
    "update idempotency_keys set status = null where key = (select key from idempotency_keys limit 1)",
    "update runs set status = 'running' where id = (select id from runs limit 1)",
)


@pytest.fixture
def shaken(state_dir: Path) -> Iterator[House]:
    with house(state_dir) as made:
        yield made


@pytest.mark.slow
async def test_every_acknowledged_write_survives_every_kill_once_with_its_event(shaken: House) -> None:
    storm = Storm(shaken, seed=20261121, clients=6)
    found = await storm.run(("worker", "backend", "redis", "postgres", "worker", "api_child", "postgres"))
    print(storm.told())
    assert not found, "\n".join(found)
    assert storm.renames, "no run ended, so none was put to the test"
    assert storm.journal.statuses.get("503"), "no write met with an outage, so none was put to the test"
    await the_examiner_sees_every_kind_of_damage(shaken.running.database_url, storm)


async def the_examiner_sees_every_kind_of_damage(url: str, storm: Storm) -> None:
    """Or the silence above would prove nothing."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("set session_replication_role = replica")  # past the walls that forbid it
        known: set[str] = set()
        for damage in _DAMAGE:
            # Of one whose last write had no answer it is not known what it says; nor is one damaged twice told of twice.
            told = "\n".join(known)
            sure = next(
                one.id
                for one in storm.journal.records
                if one.noun == "contact" and one.sure and one.name not in told and str(one.id) not in told
            )
            assert (await connection.execute(damage.format(sure=sure))).split()[-1] != "0", damage
            found = set(await examine(url, storm.journal))
            assert found - known, f"unseen: {damage}"
            known = found
    finally:
        await connection.close()
