"""The command line: `rapport up` and its parts.

Every command imports what it needs when it runs: alembic, the API and the database layer take a second together,
which `--help` and a mistyped option should not cost.
"""

import asyncio
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer
from rich.console import Console

from app.domain.imports import Mode, Target

_OUT = Console()
_ERR = Console(stderr=True)
_commands = typer.Typer(
    help="Rapport, an API-first CRM backend.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # main() turns every fault into a sentence
)


_Url = Annotated[
    str | None, typer.Option(envvar="RAPPORT_URL", help="Another Rapport than the one on this machine.")
]
_Key = Annotated[
    str | None,
    typer.Option(envvar="RAPPORT_KEY", help="Its key; one for a day is made on this machine when not said."),
]
_Organisation = Annotated[str | None, typer.Option(help="Which, where there are several on this machine.")]


@_commands.command()
def up(
    sample: Annotated[bool, typer.Option(help="Load the sample company at the first start.")] = True,
) -> None:
    """Start PostgreSQL, Redis, the API and the worker, and keep them until Ctrl-C."""
    from app.cli.up import up as start  # noqa: PLC0415 - see the module's docstring

    start(_OUT, sample=sample)


@_commands.command()
def migrate() -> None:
    """Bring the database to the newest schema, and a restored one into order."""
    from app.cli.local import check_database, reachable  # noqa: PLC0415 - see the module's docstring
    from app.db.migrate import migrate as upgrade  # noqa: PLC0415
    from app.db.migrate import pending, settle  # noqa: PLC0415
    from app.usecases.bootstrap import renew_roles  # noqa: PLC0415

    with reachable() as (database_url, _):
        check_database(database_url)
        waiting = pending(database_url)
        upgrade(database_url)
        settled = settle(database_url)
        renewed = asyncio.run(renew_roles(database_url))
    _OUT.print(f"Applied {len(waiting)} migrations." if waiting else "Nothing to apply.", highlight=False)
    if renewed:
        _OUT.print(f"Opened what is new to {renewed} built-in roles.", highlight=False)
    if settled:
        _OUT.print(f"Settled {settled} events that were restored from another server.", highlight=False)


@_commands.command()
def bootstrap() -> None:
    """Make the first organisation, its administrator and a key, and show them once."""
    from app.cli.local import check_database, reachable  # noqa: PLC0415 - see the module's docstring
    from app.cli.up import first_access  # noqa: PLC0415
    from app.usecases.bootstrap import bootstrap as make  # noqa: PLC0415

    with reachable() as (database_url, _):
        check_database(database_url)
        first = asyncio.run(make(database_url))
    lines = first_access(first) if first else ["It was done before; `rapport create-key` makes another key."]
    _OUT.print("\n".join(lines), soft_wrap=True, markup=False, highlight=False)


@_commands.command("add-organisation")
def add_organisation(
    name: Annotated[str, typer.Option(help="Its name.")],
    slug: Annotated[str, typer.Option(help="Its short name, by which people choose it when they sign in.")],
    email: Annotated[str, typer.Option(help="The e-mail address of its administrator.")],
) -> None:
    """Make another organisation, its administrator and a key, and show them once."""
    from app.cli.local import check_database, reachable  # noqa: PLC0415 - see the module's docstring
    from app.cli.up import first_access  # noqa: PLC0415
    from app.usecases.bootstrap import add_organisation as make  # noqa: PLC0415

    with reachable() as (database_url, _):
        check_database(database_url)
        made = asyncio.run(make(database_url, name=name, slug=slug, email=email))
    _OUT.print("\n".join(first_access(made)), soft_wrap=True, markup=False, highlight=False)


@_commands.command()
def serve(
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="How many processes; RAPPORT_WORKERS when not said.")
    ] = None,
) -> None:
    """Run the API alone, on DATABASE_URL and REDIS_URL, with the RAPPORT_SECRET_KEY of all its servers."""
    from app.cli.serve import serve as run  # noqa: PLC0415 - see the module's docstring

    run(workers)


@_commands.command()
def worker(
    queue: Annotated[
        list[str] | None, typer.Option(help="Which queue to work on, may be repeated; all when not said.")
    ] = None,
) -> None:
    """Run the worker alone, on DATABASE_URL and REDIS_URL."""
    from app.cli.local import Refused, loading  # noqa: PLC0415 - see the module's docstring
    from app.settings import settings  # noqa: PLC0415

    for name in ("database_url", "redis_url"):
        settings().needed(name)
    with loading():
        from app.worker import queues, run  # noqa: PLC0415
    if unknown := sorted({*(queue or ())} - {*queues()}):
        raise Refused(f"There is no queue {unknown[0]!r}; there are {', '.join(queues())}.")
    run(queue or ())


@_commands.command()
def doctor() -> None:
    """Check everything that can be wrong on this machine, and say how to mend it."""
    from app.cli.doctor import examine  # noqa: PLC0415 - see the module's docstring

    if not examine(_OUT):
        raise typer.Exit(1)


@_commands.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    from app.kit import json  # noqa: PLC0415 - see the module's docstring
    from app.main import openapi_document  # noqa: PLC0415

    sys.stdout.buffer.write(json.dumps(openapi_document()))


@_commands.command("create-key")
def create_key(
    name: Annotated[str, typer.Option(help="What the key is for.")] = "command line",
    organisation: Annotated[
        str | None, typer.Option(help="Whose key; the only organisation when not said.")
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="What it may do, may be repeated; everything when not said.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it is valid.")] = 365,
) -> None:
    """Make an API key and show it once."""
    from app.cli.local import check_database, reachable  # noqa: PLC0415 - see the module's docstring
    from app.usecases.bootstrap import create_key as make  # noqa: PLC0415

    with reachable() as (database_url, _):
        check_database(database_url)
        key = asyncio.run(make(database_url, organisation=organisation, name=name, scopes=scope, days=days))
    _OUT.print(key, soft_wrap=True, markup=False, highlight=False)


@_commands.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, readable=True, help="CSV, XLSX or NDJSON, gzipped or not."
        ),
    ],
    preset: Annotated[
        str | None, typer.Option(help="What the columns mean, by the export that they come from.")
    ] = None,
    target: Annotated[
        Target | None, typer.Option(help="What the rows are; told from the file when not said.")
    ] = None,
    mode: Annotated[Mode | None, typer.Option(help="What may be done; upsert when not said.")] = None,
    match: Annotated[
        list[str] | None, typer.Option(help="What records are matched by, may be repeated.")
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="COLUMN=PATH",
            help="Where a column goes, may be repeated; COLUMN= leaves it out.",
        ),
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Of a workbook; its first one when not said.")] = None,
    currency: Annotated[str | None, typer.Option(help="Of amounts that name none, such as EUR.")] = None,
    date_order: Annotated[
        Literal["ymd", "dmy", "mdy"] | None, typer.Option(help="Of dates such as 03/04/2026.")
    ] = None,
    decimal_mark: Annotated[
        Literal[".", ","] | None, typer.Option(help="What stands before the decimals: . or ,")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="See what would become of every row; keep nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before it begins.")] = False,
    failures: Annotated[
        Path | None,
        typer.Option(help="Where to write the rows that were left out; FILE.failures.csv when not said."),
    ] = None,
    url: _Url = None,
    key: _Key = None,
    organisation: _Organisation = None,
) -> None:
    """Import a file into contacts, companies, products, orders or interactions, and tell the account of its rows."""
    from app.cli.imports import SCOPES, Said, import_file  # noqa: PLC0415 - see the module's docstring
    from app.cli.service import service_for  # noqa: PLC0415

    at = service_for(url, key, organisation, f"import of {file.name}"[:100], SCOPES)
    options = {"currency": currency, "date_order": date_order, "decimal_mark": decimal_mark}
    said = Said(preset, target, mode, sheet, match or (), columns or (), options)
    import_file(_OUT, at, file, said, dry_run=dry_run, sure=yes, failures=failures)


@_commands.command()
def rfm(
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="MOMENT", help="What happened before counts, such as 2026-03-01T00:00:00+08:00; now."
        ),
    ] = None,
    returns: Annotated[
        Literal["net", "ignore"], typer.Option(help="Whether what came back reduces what customers spent.")
    ] = "net",
    url: _Url = None,
    key: _Key = None,
    organisation: _Organisation = None,
) -> None:
    """Score every customer by how lately, how often and for how much they bought, and show their segments."""
    from app.cli.rfm import SCOPES, score  # noqa: PLC0415 - see the module's docstring
    from app.cli.service import service_for  # noqa: PLC0415

    at = service_for(url, key, organisation, "rfm", SCOPES)
    score(_OUT, at, as_of=as_of, returns=returns)


def main() -> None:
    """Run one command; whatever goes wrong is a sentence and exit status 1, never a stack trace."""
    try:
        _commands()
    except Exception as error:  # noqa: BLE001 - the last door: nothing may leave it as a stack trace
        _explain(error)


def _explain(error: Exception) -> NoReturn:
    from pydantic import ValidationError  # noqa: PLC0415 - see the module's docstring

    from app.cli.local import Refused  # noqa: PLC0415
    from app.domain.errors import DomainError  # noqa: PLC0415
    from app.embedded.servers import ServerError  # noqa: PLC0415
    from app.settings import Unset, Unwalled  # noqa: PLC0415

    if isinstance(error, Refused | ServerError | DomainError | Unset | Unwalled):
        sentence = str(error)
    elif isinstance(error, ValidationError) and error.title == "Settings":
        sentence = (
            "; ".join(_wrong(fault["loc"], fault["input"], fault["msg"]) for fault in error.errors()) + "."
        )
    else:
        first_line = next(iter(str(error).splitlines()), "")
        sentence = f"Something unexpected went wrong: {type(error).__name__}: {first_line} The whole story is in {_keep(error)}."
    _ERR.print(f"rapport: {sentence}", style="red", markup=False, highlight=False, soft_wrap=True)
    raise SystemExit(1)


def _wrong(location: tuple[int | str, ...], given: object, why: str) -> str:
    name = _variable(location)
    if name == "RAPPORT_SECRET_KEY":
        return f"{name} does not do: {why}"
    return f"{name} is {given!r}: {why}"


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0]).upper()
    return name if name in {"DATABASE_URL", "REDIS_URL"} else f"RAPPORT_{name}"


def _keep(error: Exception) -> Path:
    """Write the stack trace to the log folder, or to the temporary one when that cannot be written."""
    story = "".join(traceback.format_exception(error))
    try:
        from app.settings import settings  # noqa: PLC0415 - see the module's docstring

        log = settings().state_dir.expanduser().absolute() / "log"
        log.mkdir(parents=True, exist_ok=True)
        path = log / "cli.log"
        with path.open("a") as file:
            file.write(story)
    except (OSError, ValueError):
        handle, name = tempfile.mkstemp(prefix="rapport-", suffix=".log")
        os.close(handle)
        path = Path(name)
        path.write_text(story)
    return path
