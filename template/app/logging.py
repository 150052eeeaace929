"""Structured logs: one JSON object a line on standard output, secrets and personal data masked."""

import logging
import sys

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import Processor

from app.config import Settings
from app.masking import mask

CONTEXT: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
RENDERERS: dict[str, list[Processor]] = {
    "json": [
        # Never the local variables of a traceback: passwords are among them.
        structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
        mask,
        structlog.processors.JSONRenderer(),
    ],
    "console": [
        structlog.processors.format_exc_info,
        mask,
        structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty()),
    ],
}


def configure(settings: Settings) -> None:
    """Write our log lines and those of libraries, uvicorn's included, in one format."""
    renderers = RENDERERS[settings.log_format]
    structlog.configure(
        processors=[*CONTEXT, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        logger_factory=structlog.WriteLoggerFactory(),  # half the cost of a line through `logging`
    )
    take_over_logging(settings.log_level, renderers)


def take_over_logging(level: str, renderers: list[Processor]) -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*CONTEXT, structlog.stdlib.ExtraAdder()],
            processors=[drop_internals, *renderers],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    # `app.api.middleware` writes the line of a request, with its id and duration.
    logging.getLogger("uvicorn.access").disabled = True


def drop_internals(
    logger: logging.Logger, method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    for key in ("_record", "_from_structlog", "color_message"):
        event.pop(key, None)
    return event
