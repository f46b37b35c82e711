"""The HTTP service."""

import contextlib
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from fastapi import FastAPI, Request, Response

from app.api import answers, health, openapi, problems, swagger
from app.api.doorman import Doorman
from app.api.forms import Sites
from app.api.middleware import Around
from app.api.v1 import ROUTERS, forms
from app.db import walls
from app.db.engine import Database
from app.db.idempotency import Replayed
from app.domain.errors import Busy
from app.jobs import relay
from app.kit import logs, process
from app.settings import Settings, settings

_ASKED = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "X-API-Key",
    "X-Request-ID",
)
"""The headers that a page of another site may send."""


async def _replayed(_: Request, found: Exception) -> Response:
    assert isinstance(found, Replayed)
    return answers.replay(found.answer)


def create_app(chosen: Settings | None = None) -> FastAPI:
    """An application around one database."""
    app = FastAPI(
        title="Rapport",
        version="1",
        summary="An async, API-first CRM backend.",
        lifespan=_lifespan,
        generate_unique_id_function=lambda route: route.name,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        separate_input_output_schemas=False,
    )
    app.state.settings = chosen or settings()
    _add_routes(app)
    _add_middleware(app, app.state.settings)
    app.openapi = lambda: openapi.document(app)  # type: ignore[method-assign]  # FastAPI's own way to extend it
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    own: Settings = app.state.settings
    logs.configure(own.log_level, own.log_format)
    secret, redis_url = own.needed("secret_key"), own.needed("redis_url")
    database = Database(own.needed("database_url"), role=own.app_role, size=own.pool_size, wait=own.pool_wait)
    app.state.database = database
    app.state.doorman = Doorman(database, secret)
    try:
        with contextlib.suppress(Busy):  # while it is away /readyz refuses, and asks again
            await walls.must_stand(database, own.app_role)
        async with relay.queue_at(redis_url) as queue:
            app.state.queue = queue
            app.state.nudge = partial(relay.nudge, queue)
            process.settle_in()
            yield
    finally:
        await database.close()


def _add_routes(app: FastAPI) -> None:
    problems.install(app)
    app.add_exception_handler(Replayed, _replayed)
    app.include_router(health.router)
    swagger.install(app)
    for router in ROUTERS:
        app.include_router(router, prefix="/v1")
    forms.install(app)


def _add_middleware(app: FastAPI, own: Settings) -> None:
    app.add_middleware(
        Around,
        most_bytes=own.max_body_bytes,
        most_of_files=own.max_upload_bytes,
        templates=openapi.templates(app),
    )
    if own.cors_origins:  # around Around, so that a page can read every refusal, too
        app.add_middleware(
            Sites,
            allow_origins=[origin.strip() for origin in own.cors_origins.split(",")],
            allow_methods=["GET", "POST", "PUT", "PATCH"],
            allow_headers=_ASKED,
            expose_headers=["ETag", "Location", "Rapport-Dry-Run", "Retry-After", "X-Request-ID"],
        )


app = create_app()


def openapi_document() -> dict[str, Any]:
    """The OpenAPI document as served."""
    return app.openapi()
