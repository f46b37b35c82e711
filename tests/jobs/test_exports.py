"""An export whose worker is killed again and again has every record once."""

import csv
import io
import random

import pyarrow.parquet as pq
import pytest

from app.kit import clock
from app.settings import Settings
from tests.makers.organisations import Organisation
from tests.makers.work import Worker, run_row, until

MANY = 2_000


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "parquet"])
async def test_a_killed_worker_leaves_no_gap_and_no_double(org: Organisation, chosen: Settings, form: str):
    items = [{"name": f"n {n:05}"} for n in range(MANY)]
    made = await org.admin.post("/v1/contacts/bulk", json={"items": items}, timeout=60)
    assert made.json()["created"] == MANY
    said = {"noun": "contact", "format": form, "fields": ["name"], "sort": "name"}
    run = (await org.admin.post("/v1/exports", json=said)).json()

    async def done() -> int:
        return int((await run_row(org, run["id"]))["done"])

    async def ended() -> bool:
        return (await run_row(org, run["id"]))["status"] in {"done", "failed"}

    chance = random.Random(7)
    for kill in range(3):
        with Worker(chosen, lease=2, batch=20) as worker:
            before = await done()

            async def further(since: int = before) -> bool:
                return await done() > since or since == MANY or await ended()

            await until(further)
            stop = clock.monotonic() + chance.random() * 0.3
            while clock.monotonic() < stop:
                await done()
            worker.kill()
        assert not await ended() or kill, "it was over before it was killed; make it longer"
    with Worker(chosen, lease=2, batch=20):
        await until(ended, seconds=60)
    row = await run_row(org, run["id"])
    assert row["status"] == "done", row["error"]
    assert (row["result"]["listed"], row["result"]["rows"], row["done"]) == (MANY, MANY, MANY)
    file = (await org.admin.get(f"/v1/exports/{row['result']['export_id']}/file")).content
    if form == "csv":
        names = [one["name"] for one in csv.DictReader(io.StringIO(file.decode("utf-8-sig"), newline=""))]
    else:
        names = pq.read_table(io.BytesIO(file))["name"].to_pylist()
    assert names == [item["name"] for item in items]
