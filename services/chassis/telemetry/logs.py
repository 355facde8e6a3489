"""Structured logs: JSON lines for machines, columns for people, the same fields in both."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import structlog

from services.chassis.call import find_call

_EXCEPTIONS_WITHOUT_VALUES = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
"""Local variables hold personal data and tokens: they stay out of the logs."""


def _add_call(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Name the call that is being served, so that every line of it can be found."""
    call = find_call()
    if call is not None:
        event.setdefault("rpc", call.method.path)
        event.setdefault("request_id", call.request_id)
        event.setdefault("trace_id", call.trace_id)
        if call.principal.user_id:
            event.setdefault("user_id", call.principal.user_id)
    return event


def configure_logging(
    level: str = "info", style: Literal["json", "console"] = "json", stream: TextIO | None = None
) -> None:
    """Set up structlog, and the standard library's logging through it, for the whole process.

    Args:
        level: "debug", "info", "warning" or "error".
        style: one JSON object a line, or columns for a terminal.
        stream: standard error when None, so that standard output stays for answers.
    """
    output = stream or sys.stderr
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _add_call,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: list[Any]
    if style == "json":
        renderer = [_EXCEPTIONS_WITHOUT_VALUES, structlog.processors.JSONRenderer()]
    else:
        renderer = [
            structlog.dev.ConsoleRenderer(
                colors=output.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(number)
    logging.getLogger("alembic").setLevel(max(number, logging.WARNING))
