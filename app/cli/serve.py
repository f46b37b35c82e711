"""The API's server process."""

import contextlib
import os
import tempfile
from collections.abc import Iterator

import uvicorn

from app.cli.local import Refused, loading, port_fault
from app.embedded.process import die_with_parent
from app.kit import logs
from app.settings import settings

KEPT = 75
"""Seconds for which a connection without a request is kept: longer than clients and load balancers keep theirs, or it would
be closed just as one of them sends the next request."""


def serve(workers: int | None) -> None:
    """Serve the API until a signal comes, from so many processes if a number is given."""
    if workers is not None:
        os.environ["RAPPORT_WORKERS"] = str(workers)
        settings.cache_clear()
    wanted = settings()
    for name in ("database_url", "redis_url", "secret_key"):
        wanted.needed(name)
    if fault := port_fault(wanted.host, wanted.port):
        raise Refused(fault)
    logs.configure(wanted.log_level, wanted.log_format)
    with _counted_together() if wanted.workers > 1 else contextlib.nullcontext():
        uvicorn.run(
            "app.cli.serve:application",
            factory=True,
            host=wanted.host,
            port=wanted.port,
            workers=wanted.workers,
            loop="uvloop",
            http="httptools",
            log_config=None,
            log_level=wanted.log_level.lower(),
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEPT,
            timeout_graceful_shutdown=10,
        )


@contextlib.contextmanager
def _counted_together() -> Iterator[None]:
    """A folder where the processes to come keep their numbers, so that each can tell the sum (app/api/health.py)."""
    with tempfile.TemporaryDirectory(prefix="rapport-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield


def application() -> object:
    """The application, in the one process or in each of several."""
    wanted = settings()
    logs.configure(wanted.log_level, wanted.log_format)
    if wanted.workers > 1:
        die_with_parent()  # none may keep the port when their supervisor is killed
    with loading():
        from app.main import app  # noqa: PLC0415 - not needed, and slow, in the supervising process
    return app
