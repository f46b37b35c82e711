"""The API's server process."""

import uvicorn

from app.cli.local import Refused, loading, needs_urls, port_fault
from app.embedded.process import die_with_parent
from app.settings import settings


def serve() -> None:
    """Serve the API until a signal comes."""
    needs_urls()
    wanted = settings()
    if fault := port_fault(wanted.host, wanted.port):
        raise Refused(fault)
    uvicorn.run(
        "app.cli.serve:application",
        factory=True,
        host=wanted.host,
        port=wanted.port,
        workers=wanted.workers,
        loop="uvloop",
        http="httptools",
        log_level=wanted.log_level.lower(),
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )


def application() -> object:
    """The application, in the one process or in each of several."""
    if settings().workers > 1:
        die_with_parent()  # none may keep the port when their supervisor is killed
    with loading():
        from app.main import app  # noqa: PLC0415 - not needed, and slow, in the supervising process
    return app
