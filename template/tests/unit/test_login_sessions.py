"""The rules of login sessions, without HTTP."""

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.base import utc_now
from app.errors import Unauthorized
from app.models.login_sessions import LoginSession
from app.models.users import User
from app.repos import login_sessions as login_session_repo
from app.services import login_sessions as login_session_service
from app.tokens import create_access_token, fingerprint
from tests.factories.login_sessions import LoginSessionFactory

A_SECOND_AGO = utc_now() - timedelta(seconds=1)


async def test_expired_session_gives_no_access(
    db: AsyncSession, login_session_factory: type[LoginSessionFactory]
) -> None:
    session = await login_session_factory.acreate(expires_at=A_SECOND_AGO)
    token = create_access_token(session.user_id, session.id)

    assert await login_session_service.find_user(db, token) is None


async def test_expired_session_is_not_refreshed(db: AsyncSession, user: User) -> None:
    tokens = await login_session_service.start(db, user)
    family = tokens.refresh_token.partition(".")[0]
    session = await login_session_repo.find_by_family(db, fingerprint(family))
    assert session
    session.expires_at = A_SECOND_AGO

    with pytest.raises(Unauthorized):
        await login_session_service.refresh(db, tokens.refresh_token)


async def test_login_deletes_the_expired_sessions_of_the_user(
    db: AsyncSession, login_session: LoginSession
) -> None:
    login_session.expires_at = A_SECOND_AGO

    await login_session_service.start(db, login_session.user)

    assert await login_session_repo.find(db, login_session.id) is None


async def test_invalid_token_ends_no_session(db: AsyncSession, login_session: LoginSession) -> None:
    await login_session_service.end(db, "not a token")

    assert await login_session_repo.find(db, login_session.id) is login_session


async def test_refresh_token_is_stored_as_a_hash(db: AsyncSession, user: User) -> None:
    """Stolen database: its rows are no tokens."""
    tokens = await login_session_service.start(db, user)
    family, _, secret = tokens.refresh_token.partition(".")

    session = await login_session_repo.find_by_family(db, fingerprint(family))

    assert session
    assert not {family, secret} & {session.family_hash, session.secret_hash}
