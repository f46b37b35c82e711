"""`rapport import`: a file goes through a running service, and the command tells the truth of what became of it."""

import csv
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.imports import SCOPES, Said, free, plan
from app.cli.local import Refused
from app.domain.grants import known_scopes
from app.settings import Settings
from tests.cli.test_serve import serving
from tests.makers.organisations import Organisation
from tests.makers.work import Worker, until

PEOPLE = """姓名,邮箱,生日,备注
张伟,w@example.com,1990-05-17,x
李娜,l@example.com,31/02/1990,y
Anna,a@example.com,1991-01-01,z
"""
COLUMNS = st.sampled_from(["a", "b", "c=d", "姓名"])
PATHS = st.sampled_from(["name", "email", "external:erp", ""])


@pytest.fixture
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free_one:
        return int(free_one.getsockname()[1])


@given(st.dictionaries(COLUMNS, PATHS.filter(bool)), st.dictionaries(COLUMNS, PATHS, min_size=1))
def test_what_is_said_of_columns_stands_over_what_was_told_from_the_file(
    guessed: dict[str, str], stated: dict[str, str]
):
    mapping = plan({"mapping": guessed}, Said(columns=[f"{c}={p}" for c, p in stated.items()]))["mapping"]
    for column, path in stated.items():
        assert mapping.get(column, "") == path
    kept = {column: path for column, path in mapping.items() if column not in stated}
    assert kept == {
        column: path
        for column, path in guessed.items()
        if column not in stated and path not in stated.values()
    }


def test_options_that_are_not_said_stay_as_they_were_told():
    one = {"mapping": {}, "options": {"currency": None, "date_order": "dmy"}}
    said = Said(options={"currency": "GBP", "date_order": None, "decimal_mark": None})
    assert plan(one, said) == {"options": {"currency": "GBP", "date_order": "dmy"}}
    assert plan(one, Said()) == {}


def test_a_column_without_a_path_is_a_sentence():
    with pytest.raises(Refused, match="Column=path"):
        plan({"mapping": {}}, Said(columns=["name"]))


def test_the_key_that_is_made_opens_what_an_import_needs_and_no_more():
    assert sorted(known_scopes(list(SCOPES))) == sorted(SCOPES)
    assert not [scope for scope in SCOPES if scope.startswith(("users", "roles", "api_keys", "privacy"))]


def test_failures_never_replace_a_file_that_is_there(place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(place)
    for expected in ("p.csv.failures.csv", "p.csv.failures-2.csv", "p.csv.failures-3.csv"):
        found = free("p.csv")
        assert str(found) == expected
        found.touch()


def rapport_import(place: Path, *words: str, **variables: str) -> "subprocess.Popen[str]":
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("RAPPORT_", "DATABASE_", "REDIS_"))
    }
    return subprocess.Popen(
        [sys.executable, "-m", "app.cli", "import", *words],
        env=kept | {"PYTHONPATH": str(Path.cwd()), "RAPPORT_STATE_DIR": str(place / "state")} | variables,
        cwd=place,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    said, refused = process.communicate(timeout=60)
    return process.returncode, said, refused


async def test_nothing_is_asked_of_nobody(place: Path, port: int):
    (place / "p.csv").write_text(PEOPLE)
    status, _, refused = ended(rapport_import(place, "p.csv", RAPPORT_PORT=str(port)))
    assert status == 1
    assert "No Rapport runs in" in refused
    assert not (place / "state").exists()
    url = f"http://127.0.0.1:{port}"
    status, _, refused = ended(rapport_import(place, "p.csv", "--url", url))
    assert (status, "--key" in refused) == (1, True)
    status, _, refused = ended(rapport_import(place, "p.csv", RAPPORT_URL=url, RAPPORT_KEY="k"))
    assert (status, f"Nothing answers at {url}" in refused) == (1, True)


@pytest.mark.slow
async def test_a_file_goes_all_the_way(place: Path, port: int, chosen: Settings, running, org: Organisation):
    (place / "p.csv").write_text(PEOPLE)
    # By a key that is made for it, as on the machine of the service.
    here = {
        "DATABASE_URL": str(chosen.database_url),
        "RAPPORT_PORT": str(port),
        "RAPPORT_APP_ROLE": chosen.app_role,
    }
    mine = ("p.csv", "--organisation", org.slug, "--map", "备注=job_title", "--date-order", "ymd")

    async def names() -> list[str]:
        found = (await org.admin.get("/v1/contacts", params={"sort": "name"})).json()["data"]
        return [f"{one['name']} {one['job_title']}" for one in found]

    with serving(running, port, place):
        status, said, refused = ended(rapport_import(place, *mine, "--preset", "nonsense", **here))
        assert (status, "no preset 'nonsense'" in refused) == (1, True), said
        with Worker(chosen, lease=10, batch=2_000):
            status, said, refused = ended(rapport_import(place, *mine, "--dry-run", **here))
            assert "3 rows read = 2 created" in said, refused
            assert "nothing of it was kept" in said
            assert await names() == []
            status, said, refused = ended(
                rapport_import(place, *mine, "--failures", "left.csv", "--yes", **here)
            )
            assert status == 1
            assert "3 rows read = 2 created + 0 updated + 0 unchanged + 0 skipped + 1 failed" in said
            assert "备注" in said
            assert "1 of 3 rows have failed: they are in left.csv" in refused
            assert "Traceback" not in refused
            rows = list(csv.DictReader((place / "left.csv").read_text("utf-8-sig").splitlines()))
            assert [row["姓名"] for row in rows] == ["李娜"]
            assert "生日" in rows[0]["rapport_problem"]
            (place / "left.csv").write_text((place / "left.csv").read_text().replace("31/02", "28/02"))
            status, said, refused = ended(
                rapport_import(place, "left.csv", *mine[1:-1], "dmy", "--mode", "create", **here)
            )
            assert (status, "1 created" in said) == (0, True), refused
            assert sorted(await names()) == ["Anna z", "张伟 x", "李娜 y"]
            status, said, _ = ended(
                rapport_import(place, "left.csv", *mine[1:-1], "dmy", "--mode", "create", **here)
            )
            assert (status, "1 skipped" in said, "left.csv.failures.csv" in said) == (0, True, True)
        # Nobody works now, so that it is interrupted while it waits.
        process = rapport_import(place, *mine, **here)

        async def begun() -> bool:
            page = await org.admin.get("/v1/runs", params={"status": "queued"})
            return bool(page.json()["data"])

        await until(begun)
        process.send_signal(signal.SIGINT)
        status, said, refused = ended(process)
        assert (status, refused) == (130, "")
        run = (await org.admin.get("/v1/runs", params={"status": "queued"})).json()["data"][0]["id"]
        cancel = f"/v1/runs/{run}/cancel"
        assert f"-X POST http://127.0.0.1:{port}{cancel}" in said
        assert (await org.admin.post(cancel)).json()["status"] == "cancelled"
