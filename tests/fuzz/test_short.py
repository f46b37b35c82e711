"""A short run of the generated requests, over two groups, against the service as a process of its own."""

import httpx
import pytest

from app.embedded.servers import Servers
from tests.fuzz import run
from tests.fuzz.refusals import UNSAYABLE
from tests.fuzz.world import World, founded, serving
from tests.house import codes


@pytest.mark.slow
@pytest.mark.parametrize("group", ["contacts", "deals"])
async def test_generated_requests_find_nothing(running: Servers, database_url: str, group: str):
    with serving(database_url, running.redis_url) as url:
        world: World = await founded(database_url, url)
        async with httpx.AsyncClient(base_url=url) as client:
            document = (await client.get("/openapi.json")).json()
        outcome = run.run(world, document, group, examples=2, seed=1, phases=("fuzzing",))
    assert outcome.clean, "\n".join(run.lines(outcome))
    assert outcome.statuses[200] + outcome.statuses[201] > outcome.cases / 10, outcome.statuses


def test_every_refusal_that_is_let_pass_is_one_of_the_service():
    known = {one.code for one in codes.found() if one.status in {403, 422}}
    assert UNSAYABLE.keys() <= known
