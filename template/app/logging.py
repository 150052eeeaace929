"""Structured logs: one JSON object a line on standard output, secrets and personal data masked."""

import logging
import os

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import Processor

from app.config import Settings
from app.log_output import output
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
        structlog.dev.ConsoleRenderer(colors=os.isatty(output.fd)),
    ],
}


def configure(settings: Settings) -> None:
    """Write our log lines and those of libraries, uvicorn's included, in one format."""
    renderers = RENDERERS[settings.log_format]
    structlog.configure(
        processors=[*CONTEXT, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        logger_factory=lambda *_: output,  # half the cost of a line through `logging`
    )
    take_over_logging(settings.log_level, renderers)


def take_over_logging(level: str, renderers: list[Processor]) -> None:
    handler = logging.StreamHandler(output)
    handler.terminator = ""  # `output` ends the lines
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*CONTEXT, structlog.stdlib.ExtraAdder()],
            processors=renderers,
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    # `app.api.middleware` writes the line of a request, with its id and duration.
    logging.getLogger("uvicorn.access").disabled = True
