"""`rapport doctor`: one line for everything that can be wrong on this machine."""

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from redis import Redis, RedisError
from rich.console import Console
from rich.markup import escape

from app.cli.local import (
    Refused,
    check_database,
    holder,
    port_fault,
    reachable,
    secret,
    without_password,
)
from app.db import walls
from app.db.engine import driver_url
from app.db.migrate import FOREIGN, pending
from app.embedded.servers import ServerError, check_state_dir, running_urls
from app.kit import clock
from app.settings import Settings, settings

_SECRET_LENGTH = 32
"""Bytes; RFC 7518, section 3.2: an HS256 key is at least as long as its hash."""
_SKEW_SECONDS = 2.0
_STUCK_FOR = timedelta(minutes=15)
_EXTENSIONS = ("btree_gin", "btree_gist")

_SERVER = """
select current_setting('server_version_num')::int as version,
       current_setting('server_encoding') as encoding,
       clock_timestamp() as now,
       to_regclass('public.runs') is not null as has_runs,
       current_setting('max_connections')::int as connections,
       array(select extname::text from pg_extension) as extensions
"""

# The tables by month whose rows of next month's first instant would go to no partition but the default one.
_PARTITIONS = r"""
select array_agg(parent::text order by parent::text) filter (where not coalesce(covered, false))
from (
  select p.partrelid::regclass as parent,
         bool_or(date_trunc('month', now()) + interval '1 month'
                 between from_to[1]::timestamptz
                     and from_to[2]::timestamptz - interval '1 microsecond') as covered
  from pg_partitioned_table p
  left join pg_inherits i on i.inhparent = p.partrelid
  left join pg_class c on c.oid = i.inhrelid
  cross join lateral (select pg_get_expr(c.relpartbound, c.oid) as bound) b
  cross join lateral (select regexp_match(bound, 'FROM \(''([^'']+).*TO \(''([^'']+)') as from_to) r
  where p.partstrat = 'r'
  group by p.partrelid) parents
"""

_STUCK = """
select case when row_security_active('public.runs') then null else
  (select count(*) from runs where status in ('queued', 'running') and due_at < now() - $1::interval)
end
"""


_FOREIGN = f"select exists (select from events where {FOREIGN})"  # noqa: S608 - our own condition


@dataclass(frozen=True)
class Finding:
    """What was looked at, and how to mend it when it is not right."""

    what: str
    mend: str | None = None


@dataclass(frozen=True)
class _Facts:
    """What a database has answered."""

    server: Mapping[str, Any]
    host_now: datetime
    """By the clock of this machine, just after the server has told its own."""
    role_faults: list[str] | None
    """None where there is no such role."""
    without_partition: list[str]
    """The tables that have none for next month."""
    stuck: int | None
    """Runs; None where they cannot be counted."""
    foreign: bool
    """Whether events were restored from another server."""


def examine(console: Console) -> bool:
    """Print every finding; True when nothing is wrong."""
    well = True
    for finding in _findings(settings()):
        well = well and finding.mend is None
        if finding.mend is None:
            console.print(f"[green]ok   [/green] {escape(finding.what)}", highlight=False, soft_wrap=True)
        else:
            console.print(
                f"[red]fault[/red] {escape(finding.what)}: {escape(finding.mend)}",
                highlight=False,
                soft_wrap=True,
            )
    return well


def _findings(wanted: Settings) -> Iterator[Finding]:
    yield _python()
    yield _told(f"State folder {wanted.state_dir}", lambda: check_state_dir(wanted.state_dir))
    yield _secret(wanted)
    yield _port(wanted)
    with ExitStack() as stack:
        urls: list[tuple[str, str]] = []
        started = "" if running_urls(wanted.state_dir) or wanted.database_url else " (started for this check)"
        servers = _told(f"Servers{started}", lambda: urls.append(stack.enter_context(reachable(redis=True))))
        yield servers
        if servers.mend is None:
            database_url, redis_url = urls[0]
            yield from _database(database_url, wanted)
            yield _redis(redis_url)


def _told(what: str, check: Callable[[], object]) -> Finding:
    try:
        check()
    except (ServerError, Refused, OSError) as error:
        return Finding(what, str(error))
    return Finding(what)


def _python() -> Finding:
    what = f"Python {'.'.join(map(str, sys.version_info[:3]))}"
    return Finding(
        what,
        None
        if (3, 11) <= sys.version_info[:2] <= (3, 13)
        else "install 3.11, 3.12 or 3.13 and remove .venv.",
    )


def _secret(wanted: Settings) -> Finding:
    try:
        length = len(secret(wanted.state_dir).encode())
    except (OSError, Refused) as error:
        return Finding("Secret", str(error))
    enough = length >= _SECRET_LENGTH
    return Finding(
        f"Secret of {length} bytes",
        None if enough else f"set RAPPORT_SECRET_KEY to at least {_SECRET_LENGTH} random bytes.",
    )


def _port(wanted: Settings) -> Finding:
    what = f"Port {wanted.port} on {wanted.host}"
    fault = port_fault(wanted.host, wanted.port)
    if fault and "of Rapport" in holder(wanted.port):
        return Finding(f"{what}, held by Rapport itself")
    return Finding(what, fault)


def _database(url: str, wanted: Settings) -> Iterator[Finding]:
    where = f"PostgreSQL at {without_password(url)}"
    try:
        check_database(url)
    except Refused as refused:
        yield Finding(where, str(refused))
        return
    facts = asyncio.run(_ask(driver_url(url), wanted.app_role))
    yield Finding(where)
    yield from _server(facts, wanted)
    waiting = pending(url)
    yield Finding(
        "Schema up to date" if not waiting else f"{len(waiting)} migrations not applied",
        "run `.venv/bin/rapport migrate`." if waiting else None,
    )
    if not waiting:  # what is still to come would only be missed again
        yield from _contents(facts, wanted.app_role)


def _server(facts: _Facts, wanted: Settings) -> Iterator[Finding]:
    """The server itself, whatever is in it."""
    version = facts.server["version"]
    yield Finding(
        f"PostgreSQL version {version // 10000}.{version % 10000}",
        None if version >= 180000 else "upgrade to 18 or newer.",
    )
    encoding = facts.server["encoding"]
    yield Finding(
        f"Encoding {encoding}",
        None if encoding == "UTF8" else "make the database anew with ENCODING 'UTF8' and load a dump.",
    )
    connections = facts.server["connections"]
    yield Finding(
        f"{connections} connections allowed, {wanted.connections} wanted by this machine",
        None
        if connections >= wanted.connections
        else "raise max_connections, or lower RAPPORT_WORKERS or RAPPORT_POOL_SIZE.",
    )
    skew = abs((facts.server["now"] - facts.host_now).total_seconds())
    yield Finding(
        f"Clocks of database and host {skew:.2f} s apart",
        None if skew < _SKEW_SECONDS else "run NTP on both: keys and tokens expire by these clocks.",
    )


def _contents(facts: _Facts, role: str) -> Iterator[Finding]:
    """What migrations have made, and what has come of it since."""
    missing = [name for name in _EXTENSIONS if name not in facts.server["extensions"]]
    yield Finding(
        f"Extension {', '.join(_EXTENSIONS)}",
        f"run CREATE EXTENSION {missing[0]} as the database's owner." if missing else None,
    )
    yield _role(role, facts.role_faults)
    yield Finding(
        "Partitions for next month"
        if not facts.without_partition
        else f"No partition for next month in {', '.join(facts.without_partition)}",
        "start the worker, which makes them, or run `.venv/bin/rapport migrate`."
        if facts.without_partition
        else None,
    )
    if facts.server["has_runs"]:
        yield _stuck(facts.stuck)
    yield Finding(
        "Event log restored from another server and not settled" if facts.foreign else "Event log in order",
        "run `.venv/bin/rapport migrate`, which does it." if facts.foreign else None,
    )


async def _ask(url: str, role: str) -> _Facts:
    connection = await asyncpg.connect(url, timeout=5, server_settings={"timezone": "UTC"})
    try:
        server = dict(await connection.fetchrow(_SERVER))
        return _Facts(
            server,
            host_now=clock.now(),
            role_faults=await walls.role_faults(connection, role),
            without_partition=await connection.fetchval(_PARTITIONS) or [],
            stuck=await connection.fetchval(_STUCK, _STUCK_FOR) if server["has_runs"] else None,
            foreign=server["has_runs"] and await connection.fetchval(_FOREIGN),
        )
    finally:
        await connection.close()


def _role(name: str, wrong: list[str] | None) -> Finding:
    if wrong is None:
        return Finding(
            f"Role {name}",
            "it does not exist: run `.venv/bin/rapport migrate` as a role that may create roles.",
        )
    return Finding(
        f"Role {name} is {' and '.join(wrong) or 'neither owner, nor superuser, nor exempt from row security'}",
        walls.mend(name) if wrong else None,
    )


def _stuck(count: int | None) -> Finding:
    if count is None:
        return Finding("Runs cannot be counted across organisations by this role; see /v1/runs")
    return Finding(
        f"{count} runs due for more than {_STUCK_FOR.seconds // 60} minutes",
        "start the worker, and read its log when it runs." if count else None,
    )


def _redis(url: str) -> Finding:
    where = f"Redis at {without_password(url)}"
    try:
        with Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5, decode_responses=True) as redis:
            policy = str(redis.info("memory")["maxmemory_policy"])
    except (RedisError, OSError, ValueError) as error:
        return Finding(
            where, f"it does not answer ({error}): check REDIS_URL, or unset it to use the embedded one."
        )
    return Finding(
        f"{where}, maxmemory-policy {policy}",
        None
        if policy == "noeviction"
        else "run CONFIG SET maxmemory-policy noeviction, or queued jobs may vanish.",
    )
