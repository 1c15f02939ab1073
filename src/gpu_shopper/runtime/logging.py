"""Sets up the one way in which this process talks: lines on a stream, JSON or for people, without secrets.

Everything goes through it: our own events, what libraries log, and the texts of exceptions. The
redaction is the last step but the printing itself, so that nothing can be added behind its back.
"""

import logging
import sys
from collections.abc import MutableMapping
from enum import StrEnum
from typing import Any, TextIO

import structlog

from gpu_shopper.runtime.redaction import Redactor

# These say each request or each step of a handshake at their usual level.
_TALKATIVE = ("aiohttp.access", "asyncssh", "uvicorn.access", "sqlalchemy.engine")


class LogFormat(StrEnum):
    """How a line looks."""

    JSON = "json"
    CONSOLE = "console"


def set_up_logging(
    redactor: Redactor, *, form: LogFormat, level: str = "info", stream: TextIO | None = None
) -> None:
    """Send all logging of this process to `stream` (the standard error); may be called again."""
    stream = stream or sys.stderr
    number = logging.getLevelNamesMapping()[level.upper()]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(redactor, form, colours=stream.isatty()))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(number)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    # A warning may quote what was handed to it.
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        # A set-up that comes later, as in tests, has to reach loggers that were made before.
        cache_logger_on_first_use=False,
    )


def _formatter(redactor: Redactor, form: LogFormat, *, colours: bool) -> logging.Formatter:
    def redact(
        _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        return redactor.fields(event)

    printer: structlog.typing.Processor
    if form is LogFormat.JSON:
        printer = structlog.processors.JSONRenderer(ensure_ascii=False)
    else:
        printer = structlog.dev.ConsoleRenderer(
            colors=colours, exception_formatter=structlog.dev.plain_traceback
        )
    return structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            redact,
            printer,
        ]
    )
