"""The same request under the same key is one change and one answer."""

import asyncio

import httpx
import pytest

from tests.makers.organisations import Organisation
from tests.nouns.nouns import (
    ALL,
    ANY,
    Plain,
    each_bulk_noun,
    each_noun,
    history,
    holdings,
    made,
    marked,
    problem,
    puts,
)

KEY = {"Idempotency-Key": "one key"}
TOLD = ("etag", "location", "content-type")


def told(answer: httpx.Response) -> tuple[object, ...]:
    """What a caller learns from an answer."""
    return (answer.status_code, answer.content, *(answer.headers.get(name) for name in TOLD))


@each_noun
async def test_parallel_identical_creates_make_one_record(org: Organisation, plain: Plain):
    count = 100 if plain.noun.name in {"contact", "order"} else 12
    body = plain.make(0)
    before = await holdings(org)
    answers = await asyncio.gather(
        *(org.admin.post(plain.path, json=body, headers=KEY) for _ in range(count))
    )
    assert len({told(answer) for answer in answers}) == 1
    assert answers[0].status_code == 201, answers[0].text
    after = await holdings(org)
    assert after[plain.noun.plural] == before[plain.noun.plural] + 1
    assert after["events"] == before["events"] + 1
    assert after["idempotency_keys"] == before["idempotency_keys"] + 1


@each_noun
async def test_a_key_stands_for_one_request_of_one_caller(org: Organisation, plain: Plain):
    first = await org.admin.post(plain.path, json=plain.make(0), headers=KEY)
    assert first.status_code == 201, first.text
    before = await holdings(org)
    for other in (
        org.admin.post(plain.path, json=plain.make(1), headers=KEY),
        org.admin.post(f"{plain.path}/{first.json()['id']}/archive", headers=KEY | ANY),
        org.admin.patch(f"{plain.path}/{first.json()['id']}", json=marked(plain, 1), headers=KEY | ANY),
    ):
        refused = await other
        assert refused.status_code == 422
        assert problem(refused)["code"] == "idempotency_key_reused"
    assert await holdings(org) == before
    _, colleague = await org.user("colleague", "admin")
    own = await colleague.post(plain.path, json=plain.make(2), headers=KEY)
    assert own.status_code == 201, own.text


@each_noun
async def test_a_refused_request_does_not_burn_its_key(org: Organisation, plain: Plain):
    refused = await org.admin.post(plain.path, json=plain.make(0) | {"no_such_field": 1}, headers=KEY)
    assert problem(refused)["code"] == "request_invalid"
    record = await made(org, plain, 1)
    here = f"{plain.path}/{record['id']}"
    stale = await org.admin.patch(here, json=marked(plain, 1), headers=KEY | {"If-Match": '"7"'})
    assert stale.status_code == 412
    done = await org.admin.post(plain.path, json=plain.make(0), headers=KEY)
    assert done.status_code == 201, done.text


@each_noun
async def test_edits_and_verbs_keep_their_answer_under_a_key(org: Organisation, plain: Plain):
    record = await made(org, plain)
    here = f"{plain.path}/{record['id']}"

    async def thrice(key: str, send: httpx.Request) -> None:
        send.headers["Idempotency-Key"] = key
        first, *others = [await org.admin.send(send) for _ in range(3)]
        assert first.status_code == 200, first.text
        assert {told(answer) for answer in others} == {told(first)}

    build = org.admin.build_request
    await thrice("edit", build("PATCH", here, json=marked(plain, 1), headers={"If-Match": '"1"'}))
    await thrice("archive", build("POST", f"{here}/archive", headers={"If-Match": '"2"'}))
    await thrice("restore", build("POST", f"{here}/restore", headers={"If-Match": '"3"'}))
    if plain.noun.name == "order":
        await thrice("pay", build("POST", f"{here}/pay", json={}, headers={"If-Match": '"4"'}))
        refund = {"amount": "1"}
        await thrice("refund", build("POST", f"{here}/refund", json=refund, headers=ANY))
    versions = [event["version"] for event in await history(org, plain, record["id"])]
    assert versions == list(range(1, 7 if plain.noun.name == "order" else 5))


@each_bulk_noun
async def test_bulk_and_upserts_keep_their_answer_under_a_key(org: Organisation, plain: Plain):
    batch = {"items": [plain.make(n) for n in range(3)]}
    first, again = [await org.admin.post(f"{plain.path}/bulk", json=batch, headers=KEY) for _ in range(2)]
    assert first.json()["created"] == 3, first.text
    assert told(first) == told(again)
    if not puts(plain):
        return
    put = f"{plain.path}/by/shop/9"
    first, again = [
        await org.admin.put(put, json=plain.make(9), headers={"Idempotency-Key": "put"}) for _ in range(2)
    ]
    assert first.status_code == 201, first.text
    assert told(first) == told(again)


@each_noun
async def test_a_dry_run_does_not_claim_the_key(org: Organisation, plain: Plain):
    before = await holdings(org)
    tried = await org.admin.post(f"{plain.path}?dry_run=true", json=plain.make(0), headers=KEY)
    assert tried.status_code == 201, tried.text
    assert await holdings(org) == before
    done = await org.admin.post(plain.path, json=plain.make(1), headers=KEY)
    assert done.status_code == 201, done.text
    assert (await holdings(org))[plain.noun.plural] == before[plain.noun.plural] + 1


@pytest.mark.parametrize("key", ["", "x" * 201, "\x00", "a\x00b", "é", "\x7f", "\xff"])
async def test_a_key_is_short_and_printable(org: Organisation, key: str):
    plain = ALL["contact"]
    headers = {b"Idempotency-Key": key.encode("latin-1")}
    refused = await org.admin.post(plain.path, json=plain.make(0), headers=headers)
    assert problem(refused)["code"] == "idempotency_key_invalid"
