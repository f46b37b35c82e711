"""One planted organisation for all of these tests, and one other that has nothing to see in it."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from tests.leaks.world import World, build
from tests.makers.organisations import Organisation, found


@pytest.fixture(scope="session")
async def world(service: FastAPI, database_url: str) -> AsyncIterator[World]:
    """The planted organisation. Tests leave its records as they found them."""
    org = await found(service, database_url)
    yield await build(org)
    await org.close()


@pytest.fixture(scope="session")
async def outside(service: FastAPI, database_url: str) -> AsyncIterator[Organisation]:
    """Another tenant."""
    org = await found(service, database_url)
    yield org
    await org.close()
