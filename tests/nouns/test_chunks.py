"""A batch has the outcome of its items one after the other, wherever it is cut."""

import random
from typing import Any
from uuid import uuid4

import pytest

from app.usecases import bulk
from tests.makers.organisations import Organisation

ITEMS, RECORDS = 60, 12


def _batch(dice: random.Random) -> tuple[list[dict[str, Any]], list[str], dict[str, tuple[int, str]]]:
    """Items; what each is to come to; and, by a name of each record, its version and job title at the end."""
    items, outcomes = [], []
    records: dict[str, list[Any]] = {}
    for place in range(ITEMS):
        number = str(dice.randrange(RECORDS))
        names = {"erp": number}
        if dice.random() < 0.3 and f"shop {number}" in records:
            names = {"shop": number}
        elif dice.random() < 0.3:
            names |= {"shop": number}
        item = {"name": "n", "external_ids": names, "job_title": str(place)}
        fault = dice.choice(["", "", "", "", "stage", "company_id"])
        if fault:
            items.append(item | {fault: "king" if fault == "stage" else str(uuid4())})
            outcomes.append("failed")
            continue
        items.append(item)
        known = next(filter(None, (records.get(f"{kind} {n}") for kind, n in names.items())), None)
        outcomes.append("updated" if known else "created")
        record = known or [0, ""]
        record[:] = [record[0] + 1, str(place)]
        records |= {f"{kind} {n}": record for kind, n in names.items()}
    return items, outcomes, {name: (version, title) for name, (version, title) in records.items()}


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 25, 59])
async def test_a_batch_does_the_same_however_it_is_cut(
    org: Organisation, chunk: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bulk, "_CHUNK", chunk)
    monkeypatch.setattr(bulk, "_MANY", 0)
    items, outcomes, records = _batch(random.Random(chunk))
    assert {"failed", "updated", "created"} == set(outcomes)
    done = (await org.admin.post("/v1/contacts/bulk", json={"items": items})).json()
    assert [one["status"] for one in done["items"]] == outcomes
    assert [one["index"] for one in done["items"]] == list(range(ITEMS))
    for name, expected in records.items():
        system, _, number = name.partition(" ")
        found = (await org.admin.get(f"/v1/contacts/by/{system}/{number}")).json()
        assert (found["version"], found["job_title"]) == expected, name
    listed = (await org.admin.get("/v1/contacts", params={"limit": 100})).json()["data"]
    assert len(listed) == outcomes.count("created")


async def test_a_tree_may_be_built_over_many_chunks(org: Organisation, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bulk, "_CHUNK", 2)
    items = [{"name": f"n{n}", "external_ids": {"erp": str(n)}} for n in range(7)]
    made = (await org.admin.post("/v1/companies/bulk", json={"items": items})).json()
    ids = [one["id"] for one in made["items"]]
    below = [{"id": own, "parent_id": above} for own, above in zip(ids[1:], ids, strict=False)]
    circle = {"id": ids[0], "parent_id": ids[-1]}
    done = (await org.admin.post("/v1/companies/bulk", json={"items": [*below, circle]})).json()
    assert (done["updated"], done["failed"]) == (6, 1), done
    assert done["items"][-1]["problem"]["code"] == "circle"
