"""Companies above companies: whatever the way in, nothing comes to stand above itself."""

import asyncio

from tests.makers.organisations import Organisation

ANY = {"If-Match": "*"}


async def companies(org: Organisation, count: int) -> list[str]:
    """New companies, each by itself."""
    items = [{"name": f"c{n}", "external_ids": {"erp": f"{n}"}} for n in range(count)]
    done = (await org.admin.post("/v1/companies/bulk", json={"items": items})).json()
    return [item["id"] for item in done["items"]]


async def parents(org: Organisation) -> dict[str, str | None]:
    """Company to the one above it."""
    listed = (await org.admin.get("/v1/companies", params={"limit": 200})).json()["data"]
    return {one["id"]: one["parent_id"] for one in listed}


def circular(above: dict[str, str | None]) -> bool:
    """Whether somebody stands above themselves."""
    for first in above.values():
        here, steps = first, 0
        while here is not None and steps <= len(above):
            here, steps = above[here], steps + 1
        if here is not None:
            return True
    return False


async def test_no_company_is_its_own_parent_by_any_way_in(org: Organisation):
    (one,) = await companies(org, 1)
    own = {"external_ids": {"erp": "0"}, "parent_id": one}
    told = [
        (await org.admin.patch(f"/v1/companies/{one}", json={"parent_id": one}, headers=ANY)).json(),
        (await org.admin.put("/v1/companies/by/erp/0", json={"parent_id": one})).json(),
        (await org.admin.post("/v1/companies/bulk", json={"items": [own]})).json()["items"][0]["problem"],
    ]
    assert [problem["code"] for problem in told] == ["circle"] * 3
    assert await parents(org) == {one: None}


async def test_one_batch_closes_no_circle(org: Organisation):
    a, b, c, d = await companies(org, 4)
    items = [
        {"id": a, "parent_id": b},
        {"id": b, "parent_id": c},
        {"id": c, "parent_id": a},
        {"id": d, "parent_id": a},
    ]
    done = (await org.admin.post("/v1/companies/bulk", json={"items": items})).json()
    assert (done["updated"], done["failed"]) == (3, 1), done
    assert [item["problem"]["code"] for item in done["items"] if "problem" in item] == ["circle"]
    assert not circular(await parents(org))


async def test_one_batch_may_turn_a_tree_upside_down(org: Organisation):
    a, b, c = await companies(org, 3)
    for items in (
        [{"id": a, "parent_id": b}, {"id": b, "parent_id": c}],
        [{"id": c, "parent_id": b}, {"id": b, "parent_id": a}, {"id": a, "parent_id": None}],
    ):
        done = (await org.admin.post("/v1/companies/bulk", json={"items": items})).json()
        assert done["updated"] == len(items), done
    assert await parents(org) == {a: None, b: a, c: b}


async def test_moves_at_the_same_time_close_no_circle(org: Organisation):
    for _ in range(4):
        ids = await companies(org, 3)
        ring = list(zip(ids, [*ids[1:], ids[0]], strict=True))
        answers = await asyncio.gather(
            *(
                org.admin.patch(f"/v1/companies/{one}", json={"parent_id": above}, headers=ANY)
                for one, above in ring
            )
        )
        codes = sorted(answer.status_code for answer in answers)
        assert codes == [200, 200, 409], [answer.text for answer in answers]
        assert not circular(await parents(org))
        for one in ids:
            cleared = await org.admin.patch(f"/v1/companies/{one}", json={"parent_id": None}, headers=ANY)
            assert cleared.status_code == 200
