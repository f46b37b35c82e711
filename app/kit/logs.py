"""Structured logs: one event a line, as text for people or JSON for machines, with the request id, which the middleware binds."""

import logging
import sys
import warnings

import structlog

_HANDLER = "rapport"
_PROCESSORS: list[structlog.typing.Processor] = []
"""One list for good: a logger keeps that of its first line, so what is configured later must be in it."""


def configure(level: str, form: str) -> None:
    """Set up logging for this process: ours, and in the same form what libraries say by the standard library's loggers."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    last = _renderer(form)
    _PROCESSORS[:] = [*shared, last]
    structlog.configure(
        processors=_PROCESSORS,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        # Past the standard library, which would double what a line costs.
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    _configure_libraries(
        level,
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
        ),
    )


def _renderer(form: str) -> structlog.typing.Processor:
    if form == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)


def _warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """On one line, without the line of code that it is about."""
    del line
    return f"{filename}:{lineno}: {category.__name__}: {message}"


def _configure_libraries(level: str, formatter: logging.Formatter) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.set_name(_HANDLER)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for before in [one for one in root.handlers if one.get_name() == _HANDLER]:
        root.removeHandler(before)
    root.addHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    warnings.formatwarning = _warning
    for name in (
        "uvicorn",
        "uvicorn.error",
        "uvicorn.access",
    ):  # uvicorn may have given them handlers of its own
        own = logging.getLogger(name)
        own.handlers.clear()
        own.propagate = True
    for noisy in ("uvicorn.access", "httpx", "httpcore", "arq"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
