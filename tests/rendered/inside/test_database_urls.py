"""Every form in which a database URL is pasted: for when `app/db/url.py` changes."""

import pytest

from app.db.url import parse_database_url


@pytest.mark.parametrize(
    "scheme",
    [
        "postgres",
        "postgresql",
        "postgresql+asyncpg",
        "postgresql+psycopg",
        "postgresql+psycopg2",
    ],
)
def test_every_scheme_of_postgresql_becomes_that_of_asyncpg(scheme: str) -> None:
    url = parse_database_url(f"  {scheme}://me:pw@host:5432/db ")

    assert url.render_as_string(False) == "postgresql+asyncpg://me:pw@host:5432/db"


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("", "must look like"),
        ("hunter2", "must look like"),
        ("mysql://me:hunter2@host/db", "must look like"),
        ("postgresql+pg8000://me:hunter2@host/db", "must look like"),
        ("postgresql://me:hunter2@host", "must look like"),
        ("postgresql://me:hunter2@host/", "must look like"),
        ("postgresql://me:hunter2@host:port/db", "must look like"),
        ("postgresql://me:hunter2@host/db?pool=1", "no parameter pool"),
        ("postgresql://h/db?password=hunter2", "no parameter password"),
        ("postgresql://me:hunter2@h/db?sslmode=true", "sslmode is one of"),
    ],
)
def test_other_url_is_refused_without_its_password(url: str, remedy: str) -> None:
    """Information disclosure."""
    with pytest.raises(ValueError, match=remedy) as refusal:
        parse_database_url(url)

    assert "hunter2" not in str(refusal.value)
