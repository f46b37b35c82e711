"""Settings that the database must be able to work with."""

import pytest

from app.domain import time_zones
from app.domain.errors import InvalidInput
from app.usecases.organisations import edit_settings
from tests.makers.organisations import Organisation


async def test_a_time_zone_that_only_python_knows_is_refused(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(time_zones, "_names", lambda: {"Mars/Olympus"})
    async with await org.work() as uow:
        with pytest.raises(InvalidInput, match="Mars/Olympus"):
            await edit_settings(uow, {"time_zone": "Mars/Olympus"}, version=None)
