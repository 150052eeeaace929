"""Masks secrets and personal data in every log line, also those of libraries."""

import re
import traceback
from typing import Any

from structlog.typing import EventDict

MASK = "***"
INTERNAL = {"_record", "_from_structlog", "color_message"}  # of structlog and uvicorn: not logged
NAMES = "password|secret|token|authorization|cookie|credential|api_?key|e_?mail|database_url"
SECRET_KEY = re.compile(NAMES, re.IGNORECASE)
SECRET_TEXT = re.compile(
    # The lookbehinds prevent ReDoS: without them, the search of a long text takes quadratic time.
    r"(?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JWT
    r"|(?<=bearer )\S+|(?<=basic )\S+"
    r"|(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"  # the user and password of a URL
    r"|(?<![\w.+-])[\w.+-]+@[\w-]+(\.[\w-]+)+"  # an e-mail
    r"|\$argon2[^\s'\"]+"
    r"|(?<=DETAIL:  )(?s:.+?)(?=\n\[SQL|\Z)",  # PostgreSQL quotes the row that it refuses
    re.IGNORECASE,
)
# `api_key=…` in a URL, `'password': '…'` in a dict.
SECRET_PAIR = re.compile(
    f"((?:{NAMES})"
    + r"""\w{0,30}["']?\s*[=:]\s*)("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s,;&]+)""",
    re.IGNORECASE,
)


def mask(logger: Any, method: str, event: EventDict) -> EventDict:
    """A structlog processor: mask values by the name of their key, and known forms in any text."""
    return {key: masked(key, value) for key, value in event.items() if key not in INTERNAL}


def masked(key: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value  # such as `email_id` and `prompt_tokens`: a number is no secret
    if SECRET_KEY.search(key):
        return MASK
    if isinstance(value, dict):
        return {masked("", str(name)): masked(str(name), inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [masked(key, inner) for inner in value]
    return SECRET_PAIR.sub(rf"\1{MASK}", SECRET_TEXT.sub(MASK, str(value)))


def brief(error: BaseException) -> str:
    """What failed, for a line without a traceback: the type, and the first line of the reason."""
    first, *_ = "".join(traceback.format_exception_only(error)).splitlines()
    return str(masked("", first))[:200]  # masked first: half a secret has no known form
