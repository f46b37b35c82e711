"""Database time of word search over a million contacts.

    python -m bench.search [--rows 1000000]

Prints, per kind of words, the median and the 95th percentile of the time for a whole page of 50 (look-up and page), one
at a time, as the app's role under row-level security; then over all kinds. First the processor time of the server's
process, as Linux counts it, which says the same on a busy machine; then the time on the clock, driver included. Once
for one who sees every contact, once for one who sees one in a hundred.
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
    async with database.connection(actor.org_id) as connection:
        server = await connection.fetchval("select pg_backend_pid()")  # of the pool's only connection
    everything: list[tuple[float, float]] = []
    print(f"{'words':28} {'hits':>5}  server: median ms  p95 ms  clock: median ms  p95 ms")
    for kind, words in WORDS.items():
        times = []
        hits = 0
        for word in words:
            for _ in range(repeat):
                begun, spent = time.perf_counter(), _processor(server)
                body = await lists.list_page(door, lists.Page(CONTACTS, words=Words(word)))
                times.append((_processor(server) - spent, (time.perf_counter() - begun) * 1000))
            hits = max(hits, body.count(b'"version":'))
        everything += times
        print(f"{kind:28} {hits:5} {_row(times)}")
    print(f"{'all':34} {_row(everything)}", flush=True)


def _processor(process: int) -> float:
    """Milliseconds of processor time that a process has had; 0 where nobody counts them."""
    counted = Path(f"/proc/{process}/schedstat")
    return int(counted.read_text().split()[0]) / 1e6 if counted.exists() else 0.0


def _row(times: list[tuple[float, float]]) -> str:
    server, clock = (sorted(listed) for listed in zip(*times, strict=True))
    shown = [(statistics.median(one), one[int(len(one) * 0.95)]) for one in (server, clock)]
    return "".join(f"{median:18.2f} {late:8.2f}" for median, late in shown)


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
