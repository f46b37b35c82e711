"""What a change is answered with when its maker does not see the record."""

from app.db.nouns import ALWAYS
from tests.makers.organisations import Organisation


async def test_the_maker_of_a_record_out_of_their_sight_is_told_its_id_and_nothing_that_is_hidden(
    org: Organisation,
):
    await org.role(
        "desk",
        scopes=["contacts:read", "contacts:write"],
        sight={"contact": "own"},
        read={"contact": ["*"]},
        write={"contact": ["*"]},
    )
    boss, _ = await org.user("boss", "admin")
    _, client = await org.user("desk", "desk")
    body = {"name": "Ada", "owner_id": str(boss)}
    key = {"Idempotency-Key": "once"}
    made = await client.post("/v1/contacts", json=body, headers=key)
    assert made.status_code == 201, made.text
    shown = made.json()
    assert set(shown) == ALWAYS
    assert made.headers["location"] == f"/v1/contacts/{shown['id']}"
    assert (await client.get(made.headers["location"])).status_code == 404
    again = await client.post("/v1/contacts", json=body, headers=key)
    assert (again.status_code, again.json()) == (201, shown)
    seen = (await org.admin.get(made.headers["location"])).json()
    assert {name: seen[name] for name in ALWAYS} == shown
    put = await client.put("/v1/contacts/by/erp/1", json=body)
    assert put.status_code == 201, put.text
    assert put.json()["id"] == put.headers["location"].rpartition("/")[2]
