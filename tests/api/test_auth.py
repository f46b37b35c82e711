"""Signing in over HTTP."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from app.api.doorman import ACCESS, REFRESH
from app.db.engine import Database
from app.kit import clock, tokens
from tests.conftest import SECRET
from tests.makers.organisations import PASSWORD, Organisation
from tests.makers.people import boss, sign_in, signed_in
from tests.makers.work import until


async def types(org: Organisation, owner: Database) -> list[str]:
    async with owner.connection() as connection:
        rows = await connection.fetch(
            "select type from events where org_id = $1 and actor_kind <> 'test' order by seq", org.id
        )
    return [row["type"] for row in rows]


async def refresh(api: httpx.AsyncClient, token: str) -> httpx.Response:
    return await api.post("/v1/auth/refresh", json={"refresh_token": token})


async def test_one_signs_in_and_sees_who_one_is(org: Organisation, api: httpx.AsyncClient):
    answer = await sign_in(api, f"  {boss(org).upper()} ")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["token_type"] == "bearer"
    client, _ = await signed_in(api, org)
    me = (await client.get("/v1/auth/me")).json()
    assert me["email"] == boss(org)
    assert me["kind"] == "user"
    assert me["scopes"] == ["*"]
    assert [role["name"] for role in me["roles"]] == ["admin"]
    assert me["sight"]["contact"] == "all"
    assert "birth_date" in me["readable"]["contact"]
    assert "version" not in me["writable"]["contact"]
    assert me["organisation"]["slug"] == org.slug


async def test_me_tells_a_narrow_role_what_is_open(org: Organisation):
    await org.role(
        "phone",
        scopes=["contacts:read"],
        sight={"contact": "team"},
        read={"contact": ["name", "phones"]},
        write={"contact": ["name"]},
    )
    _, client = await org.user("narrow", "phone")
    me = (await client.get("/v1/auth/me")).json()
    assert me["kind"] == "api_key"
    assert me["scopes"] == ["contacts:read"]
    assert me["sight"] == {"contact": "team"} | dict.fromkeys(
        ("company", "order", "deal", "task", "cost", "interaction", "import", "export"), "own"
    )
    assert set(me["readable"]) == {"contact"}
    assert {"name", "phones"} == set(me["readable"]["contact"]) - {
        "id",
        "version",
        "created_at",
        "updated_at",
        "archived_at",
    }
    assert me["writable"] == {}


async def later(owner: Database, org: Organisation, seconds: int) -> None:
    """As if the sign-ins had been used so long ago."""
    async with owner.connection() as connection:
        await connection.execute(
            "update logins set used_at = used_at - make_interval(secs => $2) where org_id = $1",
            org.id,
            seconds,
        )


async def test_a_refresh_token_is_good_once_and_a_copy_of_it_ends_the_sign_in(
    org: Organisation, api: httpx.AsyncClient, owner: Database
):
    client, first = await signed_in(api, org)
    second = (await refresh(api, first)).json()
    renewed = org.client(second["access_token"])
    assert (await client.get("/v1/auth/me")).status_code == 200
    assert (await renewed.get("/v1/auth/me")).status_code == 200

    await later(owner, org, 31)
    stolen = await refresh(api, first)
    assert (stolen.status_code, stolen.json()["code"]) == (401, "token_reused")
    for one in (client, renewed):
        assert (await one.get("/v1/auth/me")).status_code == 401
        assert (await one.get("/v1/contacts")).status_code == 401
    assert (await refresh(api, second["refresh_token"])).json()["code"] == "unauthenticated"
    assert (await types(org, owner))[-2:] == ["user.signed_in", "user.token_reused"]


async def test_whoever_lost_the_answer_asks_again_once_and_the_token_that_was_lost_is_dead(
    org: Organisation, api: httpx.AsyncClient, owner: Database
):
    _, first = await signed_in(api, org)
    lost = (await refresh(api, first)).json()["refresh_token"]
    await later(owner, org, 25)
    repeated = await refresh(api, first)
    assert repeated.status_code == 200
    following = await refresh(api, repeated.json()["refresh_token"])
    assert following.status_code == 200
    assert (await refresh(api, lost)).json()["code"] == "token_reused"
    assert (await refresh(api, following.json()["refresh_token"])).json()["code"] == "unauthenticated"


async def test_a_refresh_token_is_not_good_a_third_time(org: Organisation, api: httpx.AsyncClient):
    _, first = await signed_in(api, org)
    assert [(await refresh(api, first)).status_code for _ in range(3)] == [200, 200, 401]


async def test_a_refresh_token_whose_successor_was_used_is_a_copy(org: Organisation, api: httpx.AsyncClient):
    _, first = await signed_in(api, org)
    second = (await refresh(api, first)).json()["refresh_token"]
    assert (await refresh(api, second)).status_code == 200
    assert (await refresh(api, first)).json()["code"] == "token_reused"


async def test_of_many_who_show_the_same_refresh_token_at_once_two_at_most_get_the_next(
    org: Organisation, api: httpx.AsyncClient
):
    _, token = await signed_in(api, org)
    answers = await asyncio.gather(*(refresh(api, token) for _ in range(6)))
    good = [answer for answer in answers if answer.status_code == 200]
    assert len(good) == 2
    assert {answer.status_code for answer in answers} == {200, 401}
    for one in good:
        assert (await refresh(api, one.json()["refresh_token"])).status_code == 401


async def test_tokens_end_and_neither_kind_does_for_the_other(
    org: Organisation, api: httpx.AsyncClient, owner: Database
):
    client, token = await signed_in(api, org)
    assert (await org.client(token).get("/v1/auth/me")).status_code == 401
    access = client.headers["authorization"].removeprefix("Bearer ")
    assert (await refresh(api, access)).status_code == 401
    now = clock.now()
    claims = tokens.verify(SECRET, access, kind=ACCESS, now=now)
    assert claims is not None
    assert claims["exp"] - now.timestamp() <= 15 * 60
    past = tokens.sign(SECRET, claims, kind=ACCESS, expires_at=now - timedelta(seconds=1))
    assert (await org.client(past).get("/v1/auth/me")).status_code == 401
    forged = tokens.sign(
        "another secret, as long as it must be", claims, kind=ACCESS, expires_at=now + timedelta(1)
    )
    assert (await org.client(forged).get("/v1/auth/me")).status_code == 401
    held = tokens.verify(SECRET, token, kind=REFRESH, now=now)
    assert held is not None
    late = tokens.sign(SECRET, held, kind=REFRESH, expires_at=now - timedelta(seconds=1))
    assert (await refresh(api, late)).status_code == 401
    async with owner.connection() as connection:
        await connection.execute(
            "update logins set expires_at = now() - interval '1 s' where org_id = $1", org.id
        )
    assert (await refresh(api, token)).json()["code"] == "unauthenticated"


async def test_one_signs_out_and_a_key_cannot(org: Organisation, api: httpx.AsyncClient):
    client, token = await signed_in(api, org)
    assert (await client.post("/v1/auth/logout")).status_code == 204
    assert (await client.get("/v1/auth/me")).status_code == 401
    assert (await refresh(api, token)).status_code == 401
    assert (await org.admin.post("/v1/auth/logout")).json()["code"] == "not_signed_in"


async def test_sign_ins_are_listed_and_ended_one_by_one(
    org: Organisation, other: Organisation, api: httpx.AsyncClient
):
    first, _ = await signed_in(api, org)
    second, _ = await signed_in(api, org)
    listed = (await second.get("/v1/auth/logins")).json()["data"]
    assert [one["current"] for one in listed] == [True, False]
    assert not {"token_hash", "user_id"} & listed[0].keys()
    page = (await second.get("/v1/auth/logins", params={"limit": 1})).json()
    rest = (await second.get("/v1/auth/logins", params={"limit": 1, "cursor": page["next"]})).json()
    assert [one["id"] for one in page["data"] + rest["data"]] == [one["id"] for one in listed]
    assert rest["next"] is None

    address = f"/v1/auth/logins/{listed[1]['id']}/revoke"
    stranger, _ = await signed_in(api, other)
    assert (await stranger.post(address)).json()["code"] == "login_not_found"
    assert (await first.get("/v1/auth/me")).status_code == 200
    assert (await second.post(address)).status_code == 204
    assert (await first.get("/v1/auth/me")).status_code == 401
    assert (await second.get("/v1/auth/me")).status_code == 200
    assert (await second.post(address)).status_code == 404
    assert (await second.get("/v1/auth/logins")).json()["data"][1]["revoked_why"] == "revoked"


async def test_five_wrong_passwords_lock_an_address_and_nobody_learns_whether_it_is_anybodys(
    org: Organisation, api: httpx.AsyncClient, owner: Database
):
    address, nobody = boss(org), f"nobody-{org.slug}@test.example"
    for _ in range(5):
        wrong = [await sign_in(api, one, "not the password") for one in (address, nobody)]
        assert [one.status_code for one in wrong] == [401, 401]
        told = [{k: v for k, v in one.json().items() if k != "request_id"} for one in wrong]
        assert told[0] == told[1]
        assert told[0]["code"] == "credentials_wrong"
    locked = [await sign_in(api, one) for one in (address, nobody)]
    for one in locked:
        assert (one.status_code, one.json()["code"]) == (429, "locked_out")
        assert 14 * 60 < int(one.headers["retry-after"]) <= 15 * 60 + 1
    assert locked[0].json().keys() == locked[1].json().keys()
    assert (await types(org, owner))[-1] == "user.locked"

    async with owner.connection() as connection:
        await connection.execute(
            "update attempts set locked_until = now() - interval '1 s' where address_hash = $1",
            tokens.digest(address),
        )
    assert (await sign_in(api, address)).status_code == 200


async def test_guesses_at_once_get_no_more_than_five_tries(org: Organisation, api: httpx.AsyncClient):
    answers = await asyncio.gather(*(sign_in(api, boss(org), f"guess {i}") for i in range(12)))
    assert sorted(answer.status_code for answer in answers) == [401] * 5 + [429] * 7


async def test_the_right_password_forgets_the_wrong_ones_and_so_does_an_hour(
    org: Organisation, api: httpx.AsyncClient, owner: Database
):
    for _ in range(2):
        for _ in range(4):
            assert (await sign_in(api, boss(org), "wrong")).status_code == 401
        assert (await sign_in(api, boss(org))).status_code == 200
    for _ in range(4):
        await sign_in(api, boss(org), "wrong")
    async with owner.connection() as connection:
        await connection.execute(
            "update attempts set failed_at = failed_at - interval '61 min' where address_hash = $1",
            tokens.digest(boss(org)),
        )
    await sign_in(api, boss(org), "wrong")
    assert (await sign_in(api, boss(org))).status_code == 200


async def test_an_address_in_two_organisations_names_the_one_it_means(
    org: Organisation, other: Organisation, api: httpx.AsyncClient
):
    twice = {"email": boss(org), "name": "Twice", "password": PASSWORD}
    assert (await other.admin.post("/v1/users", json=twice)).status_code == 201
    assert (await sign_in(api, boss(org))).json()["code"] == "credentials_wrong"
    for one in (org, other):
        answer = await sign_in(api, boss(org), organisation=one.slug)
        me = await one.client(answer.json()["access_token"]).get("/v1/auth/me")
        assert me.json()["organisation"]["slug"] == one.slug
    assert (await sign_in(api, boss(org), organisation="nowhere")).json()["code"] == "credentials_wrong"


async def test_one_changes_ones_password_and_is_signed_out_elsewhere(
    org: Organisation, api: httpx.AsyncClient, owner: Database
):
    here, _ = await signed_in(api, org)
    there, there_token = await signed_in(api, org)
    new = "seven green bicycles"
    change = {"old_password": PASSWORD, "new_password": new}
    bad = await here.post("/v1/auth/password", json=change | {"old_password": "wrong"})
    assert (bad.status_code, bad.json()["code"]) == (422, "password_wrong")
    assert (await here.post("/v1/auth/password", json=change | {"new_password": "short"})).status_code == 422
    kept = await here.post("/v1/auth/password", json=change, headers={"Idempotency-Key": "once"})
    assert kept.status_code == 204, kept.text
    assert (await here.get("/v1/auth/me")).status_code == 200
    assert (await there.get("/v1/auth/me")).status_code == 401
    assert (await refresh(api, there_token)).status_code == 401
    assert (await sign_in(api, boss(org))).status_code == 401
    assert (await sign_in(api, boss(org), new)).status_code == 200
    assert (await org.admin.post("/v1/auth/password", json=change)).json()["code"] == "not_signed_in"
    assert "user.password_changed" in await types(org, owner)
    async with owner.connection() as connection:
        told = await connection.fetchval(
            "select string_agg(e::text, ' ') from events e where org_id = $1", org.id
        )
        keys = await connection.fetchval(
            "select string_agg(k::text, ' ') from idempotency_keys k where org_id = $1", org.id
        )
    for secret in (PASSWORD, new, "argon2", "password_hash", "token_hash"):
        assert secret not in told
        assert secret not in keys


async def test_wrong_old_passwords_lock_too(org: Organisation, api: httpx.AsyncClient):
    client, _ = await signed_in(api, org)
    for _ in range(5):
        body = {"old_password": "wrong", "new_password": "seven green bicycles"}
        assert (await client.post("/v1/auth/password", json=body)).status_code == 422
    assert (await client.post("/v1/auth/password", json=body)).status_code == 429
    assert (await sign_in(api, boss(org))).status_code == 429


async def test_a_form_that_does_not_fit_is_refused_without_repeating_the_secret(api: httpx.AsyncClient):
    answer = await api.post("/v1/auth/token", data={"username": "a", "password": "s3cret" * 50, "other": "x"})
    assert answer.status_code == 422
    assert "s3cret" not in answer.text
    assert (await refresh(api, "not a token")).json()["code"] == "unauthenticated"


async def test_dry_runs_of_a_password_change_lock_nobody_out_but_their_guesses_count(
    org: Organisation, api: httpx.AsyncClient
):
    client, _ = await signed_in(api, org)
    right = {"old_password": PASSWORD, "new_password": "seven green bicycles"}
    for _ in range(7):
        assert (await client.post("/v1/auth/password?dry_run=true", json=right)).status_code == 204
    assert (await sign_in(api, boss(org))).status_code == 200
    wrong = right | {"old_password": "wrong"}
    for _ in range(5):
        assert (await client.post("/v1/auth/password?dry_run=true", json=wrong)).status_code == 422
    assert (await client.post("/v1/auth/password?dry_run=true", json=right)).status_code == 429


async def test_another_expiry_of_an_api_key_counts_from_the_next_request_on(
    org: Organisation, owner: Database, monkeypatch: pytest.MonkeyPatch
):
    user, client = await org.user("machine", "admin")
    began = clock.now()
    at = [began]
    monkeypatch.setattr("app.api.doorman.clock.now", lambda: at[0])

    async def expire(after: timedelta) -> None:
        async with owner.connection(org.id) as connection:
            await connection.execute(
                "update api_keys set expires_at = $3 where org_id = $1 and user_id = $2",
                org.id,
                user,
                began + after,
            )

    async def status(after: timedelta) -> int:
        at[0] = began + after
        return (await client.get("/v1/auth/me")).status_code

    await expire(timedelta(minutes=3))
    assert await status(timedelta()) == 200
    await expire(timedelta(minutes=1))
    assert await status(timedelta(seconds=30)) == 200
    assert await status(timedelta(minutes=2)) == 401
    await expire(timedelta(minutes=4))
    assert await status(timedelta(minutes=3)) == 200


async def test_a_rush_of_sign_ins_is_told_to_come_back_and_what_is_not_judged_is_not_counted(
    org: Organisation, api: httpx.AsyncClient
):
    addresses = [f"nobody-{n}@{org.slug}.example" for n in range(40)] + [boss(org)] * 5
    answers = await asyncio.gather(*(sign_in(api, address) for address in addresses))
    statuses = [answer.status_code for answer in answers]
    assert set(statuses[:40]) == {401, 503}
    assert set(statuses[40:]) <= {200, 503}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 503} == {"try_again"}
    assert (await sign_in(api, boss(org))).status_code == 200


async def test_a_sign_in_is_refreshed_while_its_user_is_being_changed(
    org: Organisation, api: httpx.AsyncClient, owner: Database
):
    """Whoever signs a user out holds the user, then the sign-ins; a refresh that does it the other way stops both."""
    tokens_ = (await sign_in(api, boss(org))).json()
    async with owner.connection() as connection:
        [user] = await connection.fetchrow(
            "select user_id from logins where org_id = $1 order by id desc limit 1", org.id
        )
        await connection.execute("begin")
        await connection.execute("select from users where id = $1 for update", user)
        refreshing = asyncio.create_task(refresh(api, tokens_["refresh_token"]))
        waits = "select exists (select from pg_locks where not granted and locktype in ('tuple', 'transactionid'))"
        await until(lambda: connection.fetchval(waits))
        await connection.execute("update logins set revoked_at = used_at where user_id = $1", user)
        await connection.execute("commit")
    assert (await refreshing).status_code == 401
