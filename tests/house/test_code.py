"""The code itself: one clock, one commit, small files with the nouns' names, nothing that a crash would lose."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from app.db.registry import NOUNS
from tests.house import source

CLOCKS = {
    "app/kit/clock.py": "it is the clock",
    "app/cli/doctor.py": "it compares the database's clock with ours",
}
COMMITS = {"app/db/uow.py", "app/domain/forecasts.py"}
"""Of the second the word is what sellers promise."""
MOST_LINES = 400
KINDS = {
    "utils",
    "util",
    "helpers",
    "helper",
    "constants",
    "common",
    "misc",
    "types",
    "models",
    "enums",
    "mixins",
}
"""Names that say what sort of code a file holds, and so nothing."""
_READS_CLOCK = re.compile(
    r"(datetime|date|dt)\.(now|utcnow|today)|time\.(time|time_ns|monotonic|perf_counter)(_ns)?|localtime|gmtime"
)
_SQL_CLOCK = re.compile(
    r"\b(now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday)\s*\(\)"
    r"|\b(current_timestamp|current_date|current_time|localtimestamp|localtime)\b",
    re.IGNORECASE,
)
_SQL_COMMIT = re.compile(r"(^|;)\s*(commit|end transaction|end work)\b", re.IGNORECASE)
_SQL = re.compile(
    r"^\s*(select|insert into|update \w+ set|delete from|with \w+ as|set \w+ =)\s|\bpg_\w+\(", re.IGNORECASE
)
_LOST_OR_UNSAFE = re.compile(r"fastapi\.BackgroundTasks|\b(pickle|cPickle|dill|marshal|shelve)\b")


def test_only_the_clock_reads_the_clock():
    found = []
    for path, tree in source.modules("app", "migrations"):
        if path.as_posix() in CLOCKS:
            continue
        found += [
            f"{path}:{line} {call}" for line, call in source.calls(tree) if _READS_CLOCK.fullmatch(call)
        ]
        found += [
            f"{path}:{line} {text[:60]}" for line, text in source.texts(tree) if _SQL_CLOCK.search(text)
        ]
        found += [
            f"{path} imports {name}" for name in _imports(tree) if re.match(r"time\.(time|mono|perf)", name)
        ]
    assert found == [], "time is an argument: take it from uow.now, or from app.kit.clock at a door"


def test_the_clocks_of_python_and_sql_are_recognised():
    for call in ("datetime.now", "date.today", "time.time", "time.monotonic", "time.perf_counter_ns"):
        assert _READS_CLOCK.fullmatch(call)
    for sql in ("select now()", "at >= CURRENT_DATE", "default clock_timestamp()"):
        assert _SQL_CLOCK.search(sql)
    assert not _READS_CLOCK.fullmatch("clock.now")
    assert not _SQL_CLOCK.search("what is known () now")


def test_there_is_one_commit():
    found = []
    for path, tree in source.modules("app"):
        if path.as_posix() in COMMITS:
            continue
        found += [f"{path}:{line} {text}" for line, text in source.texts(tree) if _SQL_COMMIT.search(text)]
        found += [
            f"{path}:{line} {call}()"
            for line, call in source.calls(tree)
            if (call.endswith(".commit") and call != "uow.commit") or call.endswith(".transaction")
        ]
    assert found == [], "only the unit of work commits, so that nothing is kept without its event"
    assert _SQL_COMMIT.search("set x = 1; commit")


def test_questions_are_asked_of_the_database_by_name():
    found = [
        f"{path}:{line} {text.strip()[:60]}"
        for path, tree in source.modules("app/api", "app/usecases")
        for line, text in source.texts(tree)
        if _SQL.search(text)
    ]
    assert found == [], "SQL stands in app/db, as a function that says what is asked"
    for sql in (
        "select version from users",
        " INSERT INTO users",
        "with ended as (update x)",
        "set lock_timeout = 1",
    ):
        assert _SQL.search(sql)
    assert not _SQL.search("Update a record, and set what is given.")


def test_only_doors_jobs_and_what_has_no_door_end_a_unit_of_work():
    found = {
        path.as_posix()
        for path, tree in source.modules("app")
        for _, call in source.calls(tree)
        if call == "uow.commit"
    }
    allowed = {
        "app/api/doors.py",
        "app/jobs/base.py",
        "app/jobs/nights.py",
        "app/sample/load.py",
        "app/usecases/bootstrap.py",
        "app/usecases/forms/sending.py",
        "app/usecases/logins.py",
    }
    assert found <= allowed, "a use case runs inside its caller's unit of work"


def test_nothing_is_left_to_a_crash_or_unpickled():
    found = [
        f"{path} {name}"
        for path, tree in source.modules("app", "migrations")
        for name in _imports(tree)
        if _LOST_OR_UNSAFE.search(name)
    ]
    assert found == [], "start a run instead of a background task; use JSON instead of pickle"


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module or ''}.{alias.name}" for alias in node.names)


def test_no_file_is_long():
    lengths = {
        path.as_posix(): len((source.ROOT / path).read_text().splitlines())
        for path, _ in source.modules("app")
    }
    assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES} == {}, (
        "that should be two files"
    )


def test_a_file_is_named_for_its_subject():
    names = [path for path, _ in source.modules("app", "tests", "bench")]
    assert [path.as_posix() for path in names if path.stem.removeprefix("test_") in KINDS] == []


def test_a_noun_has_one_file_name_on_every_floor():
    plurals = {noun.plural for noun in NOUNS.values()}
    paths = (
        path for path, _ in source.modules("app") if path.parts[1] != "sample"
    )  # its company is the whole of it
    found = [path.as_posix() for path in paths if _misnamed(path, plurals)]
    assert found == [], (
        "a file about a noun is called by its plural; more than one stand in a folder of that name"
    )


def _misnamed(path: Path, plurals: set[str]) -> bool:
    """Whether a file name holds a noun's name without being its plural."""
    stem = path.stem
    return stem not in plurals and any(
        re.search(rf"(^|_){word}(_|$)", stem) for noun in NOUNS.values() for word in (noun.name, noun.plural)
    )


def test_a_misnamed_file_is_found():
    assert _misnamed(Path("app/db/contact.py"), {"contacts"})
    assert _misnamed(Path("app/db/contacts_search.py"), {"contacts"})
    assert not _misnamed(Path("app/db/contacts.py"), {"contacts"})


def test_every_noun_is_served_and_stored_under_its_name():
    for noun in NOUNS.values():
        assert (source.ROOT / "app" / "api" / "v1" / f"{noun.plural}.py").is_file(), noun.plural
        assert noun.model.__tablename__ == noun.plural
        assert noun.name == re.sub("ies$", "y", noun.plural) or f"{noun.name}s" == noun.plural


def test_everything_public_says_what_it_is():
    found = []
    for path, tree in source.modules("app"):
        if tree.body and not ast.get_docstring(tree):
            found.append(path.as_posix())
        found += [
            f"{path}:{node.lineno} {name}" for name, node in _public(tree) if not ast.get_docstring(node)
        ]
    assert found == [], "one line of what it is; see the other docstrings"


def _public(
    node: ast.Module | ast.ClassDef,
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]]:
    for one in node.body:
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not one.name.startswith(
            "_"
        ):
            yield one.name, one
            if isinstance(one, ast.ClassDef):
                yield from _public(one)
