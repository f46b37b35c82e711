"""Search by words is no oracle: what is out of sight or hidden changes nothing in what comes back."""

from tests.leaks.world import World

_ALL = {"scopes": ["*"], "sight": {"*": "all"}, "read": {"*": ["*"]}, "write": {"*": ["*"]}}


async def test_a_record_out_of_sight_does_not_keep_a_typing_error_from_being_forgiven(world: World):
    await world.org.role("own words", **{**_ALL, "sight": {}})
    await world.give(("stranger",), "own words")
    hidden, seen = "zqqmarmalade", "zqqmarmelade"
    mine = (await world.clients["stranger"].post("/v1/contacts", json={"name": seen})).json()
    before = (await world.clients["stranger"].get("/v1/contacts", params={"q": hidden})).json()["data"]
    theirs = (await world.org.admin.post("/v1/contacts", json={"name": hidden})).json()
    after = (await world.clients["stranger"].get("/v1/contacts", params={"q": hidden})).json()["data"]
    assert [one["id"] for one in before] == [one["id"] for one in after] == [mine["id"]]
    for one in (mine, theirs):
        await world.org.admin.post(f"/v1/contacts/{one['id']}/archive", headers={"If-Match": "*"})


async def test_hidden_ways_to_reach_a_contact_do_not_find_it(world: World):
    await world.org.role("reaches nobody", **_ALL)
    await world.give(("stranger",), "reaches nobody")
    contact = world.of("contact")[0]
    body = (await world.org.admin.get(f"/v1/contacts/{contact.id}")).json()
    asked = (body["email"], body["phone"], body["phone"][-8:], body["email"].split("@")[0])
    stranger = world.clients["stranger"]
    for q in asked:
        assert [
            one["id"] for one in (await stranger.get("/v1/contacts", params={"q": q})).json()["data"]
        ] == [contact.id]
    names = [name for name in body if name not in {"emails", "email", "phones", "phone"}]
    for q in asked:
        await world.redefine("reaches nobody", **_ALL)
        await stranger.get("/v1/contacts")
        await world.redefine("reaches nobody", **{**_ALL, "read": {"contact": names}})
        assert (await stranger.get("/v1/contacts", params={"q": q})).json()["data"] == [], (
            "at the very next request"
        )


async def test_a_wrong_guess_does_not_list_the_choices_of_a_hidden_field(world: World):
    made = {"noun": "contact", "key": "chosen", "kind": "text", "label": "x", "choices": ["zqthechoices"]}
    field = (await world.org.admin.post("/v1/custom_fields", json=made)).json()
    await world.org.role(
        "reads names", scopes=["contacts:read"], sight={}, read={"contact": ["name"]}, write={}
    )
    await world.give(("stranger",), "reads names")
    where = {"field": "custom.chosen", "op": "eq", "value": "x"}
    answer = await world.clients["stranger"].post("/v1/contacts/count", json={"where": where})
    await world.org.admin.post(f"/v1/custom_fields/{field['id']}/archive", headers={"If-Match": "*"})
    assert "zqthechoices" not in answer.text
