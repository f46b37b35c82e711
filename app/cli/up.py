"""`rapport up`: everything on one machine, in order, and taken down in the opposite order."""

import asyncio
import http.client
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.cli.local import (
    Refused,
    check_database,
    check_redis,
    loading,
    local_host,
    local_url,
    port_fault,
    settle,
)
from app.embedded.process import Child
from app.embedded.servers import Servers, servers
from app.kit import clock
from app.settings import Settings, settings

if TYPE_CHECKING:
    from app.usecases.bootstrap import Bootstrap

_READY_SECONDS = 60
_STOP_SECONDS = 20
_HEALS, _HEAL_SECONDS = 3, 60.0
"""A server may be started again so many times within so many seconds; what it takes with it is started again too."""


def up(console: Console, *, sample: bool) -> None:
    """Start everything, keep it running until a signal comes, stop everything."""
    wanted = settings()
    if fault := port_fault(wanted.host, wanted.port):
        raise Refused(fault)
    # SIGINT too: a shell that starts a command in the background has it ignored.
    for by in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(by, _interrupt)
    try:
        with ExitStack() as stack:
            try:
                _run(console, stack, wanted, sample=sample)
            finally:
                _stopping(console)
    except KeyboardInterrupt:
        console.print("Stopped.", highlight=False)


def _run(console: Console, stack: ExitStack, wanted: Settings, *, sample: bool) -> None:
    start = clock.monotonic()
    running, environment = _servers(console, stack, wanted)
    database_url = environment["DATABASE_URL"]
    # The API takes as long to load as the migrations to be looked through, so both at once: /readyz refuses until
    # they are done. The worker would act at once, so it waits. Stopped in the opposite order.
    api = _start(stack, "API", "serve", environment)
    with _step(console, "Database migrated"):
        _migrate(database_url)
    programs = [api, _start(stack, "worker", "worker", environment)]
    with _step(console, "Organisation, administrator and key"):
        first = _bootstrap(database_url)
    if first:  # at once: what follows can be interrupted, and the key cannot be read again
        _print(console, ["", *first_access(first), ""])
    if sample:
        _sample(console, database_url)
    with _step(console, "API answers, worker runs"):
        _wait_until_ready(wanted, programs)
    console.print(f"Ready in {clock.monotonic() - start:.1f} s.\n", highlight=False)
    _welcome(console, wanted, first)
    _watch(console, programs, running)


def _servers(console: Console, stack: ExitStack, wanted: Settings) -> tuple[Servers, dict[str, str]]:
    with _step(console, "PostgreSQL and Redis"):
        if wanted.database_url:
            check_database(wanted.database_url)
        if wanted.redis_url:
            check_redis(wanted.redis_url)
        running = stack.enter_context(
            servers(
                wanted.state_dir,
                database=not wanted.database_url,
                redis=not wanted.redis_url,
                connections=wanted.connections,
            )
        )
        return running, settle(
            wanted.database_url or running.database_url, wanted.redis_url or running.redis_url
        )


def _migrate(database_url: str) -> None:
    with loading():
        from app.db.migrate import migrate, pending  # noqa: PLC0415 - see app/cli/commands.py
        from app.usecases.bootstrap import renew_roles  # noqa: PLC0415

    if pending(database_url):
        migrate(database_url)
        asyncio.run(renew_roles(database_url))


@dataclass
class _Program:
    """A child that runs one of our own commands."""

    name: str
    child: Child
    start: Callable[[], Child]

    def stop(self) -> None:
        self.child.stop(signal.SIGTERM, seconds=_STOP_SECONDS)


def _start(stack: ExitStack, name: str, command: str, environment: dict[str, str]) -> _Program:
    log = settings().state_dir.expanduser().absolute() / "log"
    start = partial(
        Child,
        [sys.executable, "-m", "app.cli", command],
        log=log / f"{name.lower()}.log",
        env=environment,
        cwd=Path.cwd(),
    )
    program = _Program(name, start(), start)
    stack.callback(program.stop)
    return program


def _bootstrap(database_url: str) -> "Bootstrap | None":
    with loading():
        from app.usecases.bootstrap import bootstrap  # noqa: PLC0415 - see app/cli/commands.py
    return asyncio.run(bootstrap(database_url))


def _sample(console: Console, database_url: str) -> None:
    from app.sample.load import load  # noqa: PLC0415 - see app/cli/commands.py

    columns = (TextColumn("      {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        _step(console, "Sample company", status=False),
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        tasks = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done, total=total)

        asyncio.run(load(database_url, report))


def _wait_until_ready(wanted: Settings, programs: list[_Program]) -> None:
    end = clock.monotonic() + _READY_SECONDS
    answer = "nothing"
    while clock.monotonic() < end:
        _check(programs)
        connection = http.client.HTTPConnection(local_host(wanted.host), wanted.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            response = connection.getresponse()
            body = response.read(2000).decode(errors="replace")
            if response.status == http.HTTPStatus.OK:
                return
            answer = f"{response.status} {body}"
        except (OSError, http.client.HTTPException) as error:
            answer = str(error)
        finally:
            connection.close()
        threading.Event().wait(0.05)
    log = programs[0].child.log
    raise Refused(
        f"The API is not ready after {_READY_SECONDS} seconds; /readyz says: {answer} Its log is {log}."
    )


def _watch(console: Console, programs: list[_Program], running: Servers) -> None:
    healed: deque[float] = deque(maxlen=_HEALS)
    while True:
        for name in running.heal():
            console.print(
                f"{name} had died and was started again; acknowledged data is kept.", highlight=False
            )
            if len(healed) == _HEALS and clock.monotonic() - healed[0] < _HEAL_SECONDS:
                raise Refused(f"{name} dies again and again: see its log in {settings().state_dir / 'log'}.")
            healed.append(clock.monotonic())
        for program in programs:
            if (
                healed
                and clock.monotonic() - healed[-1] < _HEAL_SECONDS
                and program.child.ended() is not None
            ):
                console.print(
                    f"The {program.name} had lost its server and was started again.", highlight=False
                )
                program.stop()
                program.child = program.start()
        _check(programs)
        threading.Event().wait(0.3)


def _check(programs: list[_Program]) -> None:
    for program in programs:
        child = program.child
        if (status := child.ended()) is not None:
            how = f"exit {status}" if status >= 0 else signal.Signals(-status).name
            raise Refused(
                f"The {program.name} has ended ({how}). The last it said, in {child.log}:\n{last_lines(child.said())}"
            )


def last_lines(said: str, count: int = 8) -> str:
    """The end of a log without the inside of its stack traces."""
    lines = [
        line for line in said.splitlines() if line.strip() and not line.startswith((" ", "\t", "Traceback"))
    ]
    return "\n".join(f"  {line}" for line in lines[-count:]) or "  nothing"


def _welcome(console: Console, wanted: Settings, first: "Bootstrap | None") -> None:
    base = local_url(wanted)
    lines = [
        f"API            {base}/v1",
        f"Documentation  {base}/docs",
        f"OpenAPI        {base}/openapi.json",
    ]
    lines += [f"Logs           {wanted.state_dir.expanduser().absolute() / 'log'}", ""]
    if first:
        lines += [f"curl -s -H 'Authorization: Bearer {first.key}' '{base}/v1/contacts?limit=3'"]
    else:
        lines += [
            "The key was shown at the first start; `.venv/bin/rapport create-key` makes another.",
            f"curl -s {base}/readyz",
        ]
    _print(console, [*lines, "", "Ctrl-C stops everything."])


def _print(console: Console, lines: list[str]) -> None:
    for line in lines:  # as it is: a wrapped command could not be pasted
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def first_access(first: "Bootstrap") -> list[str]:
    """What the first administrator must write down."""
    return [
        "Shown once, kept nowhere in the clear:",
        f"  administrator  {first.email}",
        f"  password       {first.password}",
        f"  API key        {first.key}",
    ]


@contextmanager
def _step(console: Console, what: str, *, status: bool = True) -> Iterator[None]:
    start = clock.monotonic()
    with ExitStack() as stack:
        if status:
            stack.enter_context(console.status(what, spinner="line"))
        yield
    console.print(f"  ok  {what}  [dim]{clock.monotonic() - start:.1f} s[/dim]", highlight=False)


def _stopping(console: Console) -> None:
    # A second Ctrl-C must not cut the orderly stop short; every step of it has its own limit of time.
    for by in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(by, signal.SIG_IGN)
    console.print("Stopping.", highlight=False)


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt
