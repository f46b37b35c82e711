"""Database time of word search over a million contacts.

    python -m bench.search [--rows 1000000]

Prints, per kind of words, the median and the 95th percentile of the time that PostgreSQL and the driver take for a
whole page of 50 (look-up and page), one at a time, as the app's role under row-level security; then over all kinds.
Once for one who sees every contact, once for one who sees one in a hundred.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from app.db import actors, lists, reads
from app.db.contacts import CONTACTS
from app.db.engine import Database
from app.db.migrate import migrate
from app.db.words import Words
from app.domain.access import Actor, Grant, Sight
from app.embedded.servers import servers
from app.settings import settings
from app.usecases.bootstrap import bootstrap
from bench import people

WORDS = {
    "two characters anywhere": ["诗雨", "李娜", "张伟", "子涵", "秀英", "浩宇"],
    "three characters": ["王诗雨", "张子涵", "陈静丽"],
    "one common character": ["王", "伟", "张"],
    "pinyin": ["zhangwei", "lina", "shiyu", "wangf"],
    "initials": ["zw", "zsy", "lq"],
    "part of a phone": ["13812", "8001380", "4567"],
    "e-mail": ["mail7.example", "u17"],
    "Latin prefix": ["rodri", "mich", "johns"],
    "Latin with a typing error": ["Micheal", "Jonson", "Rodrigez", "Tanka"],
    "two words": ["张 138", "Michael Johnson", "Olga Novak"],
    "nothing": ["龘龘", "qqqqzz"],
    "only in the oldest hundredth": ["鼐"],
}
USERS = """insert into users (org_id, id, email, name, active, role_ids, version, created_at, updated_at)
  select $1, uuidv7(), 'u' || n || '@bench.example', 'u', true, '{}', 1, now(), now() from generate_series(1, 100) n
  returning id"""
SPREAD = """update contacts c set owner_id = ($2::uuid[])[1 + s.n % 100],
    terms = case when s.n <= s.rows / 100 then array_to_tsvector(tsvector_to_array(c.terms) || array['n鼐']) else c.terms end
  from (select id, row_number() over (order by created_at, id) as n, count(*) over () as rows
    from contacts where org_id = $1) s
  where c.org_id = $1 and c.id = s.id"""


async def measure(database: Database, actor: Actor, repeat: int) -> None:
    """Search as one actor and print."""

    async def reload() -> Actor:
        return actor

    door = reads.Reads(database, actor, reload)
    everything: list[float] = []
    print(f"{'words':28} {'hits':>5} {'median ms':>10} {'p95 ms':>8}")
    for kind, words in WORDS.items():
        times = []
        hits = 0
        for word in words:
            for _ in range(repeat):
                begun = time.perf_counter()
                body = await lists.list_page(door, lists.Page(CONTACTS, words=Words(word)))
                times.append((time.perf_counter() - begun) * 1000)
            hits = max(hits, body.count(b'"version":'))
        times.sort()
        everything += times
        print(f"{kind:28} {hits:5} {statistics.median(times):10.2f} {times[int(len(times) * 0.95)]:8.2f}")
    everything.sort()
    print(f"{'all':34} {statistics.median(everything):10.2f} {everything[int(len(everything) * 0.95)]:8.2f}")


def narrowed(actor: Actor, owner: UUID) -> Actor:
    """The same, who sees what this owner owns."""
    grant = Grant(actor.grant.scopes, {"*": Sight.OWN}, actor.grant.read, actor.grant.write)
    return replace(actor, user_id=owner, grant=grant)


async def main() -> None:
    """Fill, search, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=15)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as place:
        Path(place).chmod(0o711)
        with servers(Path(place), durable=False, redis=False) as running:
            await asyncio.to_thread(migrate, running.database_url)
            await bootstrap(running.database_url)
            owner = Database(running.database_url, role=None, size=1)
            async with owner.connection() as connection:
                org = await connection.fetchval("select id from organisations limit 1")
            await people.fill(owner, org, 0, chosen.rows)
            async with owner.connection() as connection:
                owners = [row["id"] for row in await connection.fetch(USERS, org)]
                await connection.execute("set statement_timeout = 0")
                await connection.execute(SPREAD, org, owners)
                await connection.execute("vacuum analyze contacts")
            await owner.close()
            database = Database(running.database_url, role=settings().app_role, size=1)
            actor = await actors.system(database, org)
            for title, one in (("all", actor), ("one in a hundred", narrowed(actor, owners[0]))):
                print(f"\n{title} of {chosen.rows:,} contacts seen")
                await measure(database, one, chosen.repeat)
            await database.close()


if __name__ == "__main__":
    asyncio.run(main())
