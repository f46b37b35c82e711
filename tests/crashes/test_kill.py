"""kill -9 of everything in the middle of writes; the long way is python -m tests.crashes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crashes.house import House, house
from tests.crashes.storm import Storm


@pytest.fixture
def shaken(state_dir: Path) -> Iterator[House]:
    with house(state_dir) as made:
        yield made


@pytest.mark.slow
async def test_every_acknowledged_write_survives_every_kill_once_with_its_event(shaken: House) -> None:
    storm = Storm(shaken, seed=20261121, clients=6)
    found = await storm.run(("worker", "backend", "redis", "postgres", "worker", "api_child", "postgres"))
    print(storm.told())
    assert not found, "\n".join(found)
    assert storm.renames, "no run ended, so none was put to the test"
    assert storm.journal.statuses.get("503"), "no write met with an outage, so none was put to the test"
