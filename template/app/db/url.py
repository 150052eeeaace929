"""Database URLs in the forms people paste, with the parameters of libpq."""

import os
import re

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

SCHEME = re.compile(r"postgres|postgresql(\+(asyncpg|psycopg|psycopg2))?")
SEVERAL_HOSTS = re.compile(r"([^/]+//(?:[^@?]*@)?)([^/?@]*,[^/?@]*)/([^?]*)\??")
HOST = re.compile(r"(?:^|,)\[?((?<=\[)[^]]*|[^:,]*)\]?:?([^,]*)")  # one of several: `[::1]:5432`
CHOICES = {
    "ssl": ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"],
    "target_session_attrs": ["any", "primary", "standby", "read-write", "read-only"],
    "connect_timeout": [str(seconds) for seconds in range(1, 31)],
}
FILES = {"sslcert", "sslkey", "sslrootcert"}
PARAMETERS = {"application_name", "host", "options", "port", *CHOICES, *FILES}


def parse_database_url(value: str | URL) -> URL:
    """Turn `postgres://…?sslmode=require` and similar URLs into one for asyncpg.

    Raises `ValueError` with what to write instead; the message never holds the URL.
    """
    text = value.strip() if isinstance(value, str) else value.render_as_string(False)
    try:
        url = make_url(SEVERAL_HOSTS.sub(r"\1/\3?host=\2&", text, count=1))
        query = {name: ",".join(values) for name, values in url.normalized_query.items()}
        if "," in query.get("host", "") and "port" not in query:
            pairs = [(host, port or "5432") for host, port in HOST.findall(query["host"])]
            query["host"], query["port"] = map(",".join, zip(*pairs, strict=True))
        if "sslmode" in query:
            query["ssl"] = query.pop("sslmode")
        query.pop("channel_binding", None)  # asyncpg decides that by itself
        fit = url.set(drivername="postgresql+asyncpg", query=query)
        ports = fit.get_dialect()().create_connect_args(fit)[1].get("port", [])
        ports = ports if isinstance(ports, list) else [ports]
        if url.port == 0 or not all(0 < port < 2**16 for port in ports):
            raise ValueError  # as for a port that is no number
    except (ArgumentError, ValueError):
        url = None
    if url is None or not SCHEME.fullmatch(url.drivername) or not url.database:
        raise ValueError(
            "DATABASE_URL must look like postgresql://USER:PASSWORD@HOST:PORT/DATABASE "
            "(percent-encode special characters in the password; several: HOST:PORT,HOST:PORT)."
        )
    check(query)
    return fit


def check(query: dict[str, str]) -> None:
    if unknown := query.keys() - PARAMETERS:
        raise ValueError(
            f"DATABASE_URL: there is no parameter {', '.join(sorted(unknown))} here; remove it."
        )
    for name in CHOICES.keys() & query.keys():
        if query[name] not in CHOICES[name]:
            name, choices = name.replace("ssl", "sslmode"), ", ".join(CHOICES[name])
            raise ValueError(f"DATABASE_URL: {name} is one of {choices}.")
    for name in FILES & query.keys():
        if not os.access(query[name], os.R_OK):
            raise ValueError(f"DATABASE_URL: {name} is the path of a file that can be read.")
