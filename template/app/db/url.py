"""Database URLs in the forms people paste."""

import re

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

PARAMETERS = {"ssl", "host", "port", "target_session_attrs"}
SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
SCHEME = re.compile(r"postgres|postgresql(\+(asyncpg|psycopg|psycopg2))?")


def parse_database_url(value: str | URL) -> URL:
    """Turn `postgres://…?sslmode=require` and similar URLs into one for asyncpg.

    Raises `ValueError` with what to write instead; the message never holds the URL.
    """
    try:
        url = make_url(value.strip() if isinstance(value, str) else value)
    except (ArgumentError, ValueError):
        url = None
    if url is None or not SCHEME.fullmatch(url.drivername) or not url.database:
        raise ValueError(
            "DATABASE_URL must look like postgresql://USER:PASSWORD@HOST:PORT/DATABASE "
            "(percent-encode special characters in the password)."
        )
    query = dict(url.query)
    query.pop("channel_binding", None)  # asyncpg decides that by itself
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    if unknown := query.keys() - PARAMETERS:
        raise ValueError(
            f"DATABASE_URL: there is no parameter {', '.join(sorted(unknown))} here; remove it."
        )
    if query.get("ssl", "prefer") not in SSL_MODES:
        raise ValueError(f"DATABASE_URL: sslmode is one of {', '.join(SSL_MODES)}.")
    return url.set(drivername="postgresql+asyncpg", query=query)
