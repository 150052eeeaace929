"""Two ways to test: `client` rolls back what the test did, `committing_client` really commits."""

from collections.abc import AsyncIterator, Iterator

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from pytest_factoryboy import register
from pytest_factoryboy.fixture import get_factory_name, get_model_name
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import get_db
from app.db.session import SessionLocal, engine
from app.main import app as service
from tests.contract import database
from tests.factories import find_factories
from tests.factories.base import AsyncModelFactory

pytest_plugins = ["tests.accounts", "tests.contract.plugin"]

RECORDS: set[str] = set()  # the fixtures that save one, such as `user` and `user_factory`

for factory in find_factories():
    register(factory)
    RECORDS |= {get_model_name(factory), get_factory_name(factory)}


@pytest.fixture(scope="session")
async def cloned_database(testrun_uid: str) -> AsyncIterator[None]:
    await database.create_template(testrun_uid)
    await database.clone()
    yield
    await engine.dispose()


@pytest.fixture
async def db(cloned_database: None) -> AsyncIterator[AsyncSession]:
    """A session whose commits are savepoints of a transaction that is rolled back."""
    async with engine.connect() as connection:
        # The pool's AUTOCOMMIT would make each statement permanent.
        await connection.execution_options(isolation_level="READ COMMITTED")
        transaction = await connection.begin()
        async with SessionLocal(
            bind=connection, join_transaction_mode="create_savepoint", execution_options={}
        ) as db:
            with AsyncModelFactory.saved_in(db):
                yield db
        await transaction.rollback()


@pytest.fixture
def app() -> Iterator[FastAPI]:
    """The service. What a test adds to its routes or overrides goes away with the test."""
    routes = service.routes[:]
    yield service
    service.router.routes[:] = routes
    service.dependency_overrides.clear()


@pytest.fixture
async def client(app: FastAPI, db: AsyncSession) -> AsyncIterator[AsyncClient]:
    async def get_test_db() -> AsyncIterator[AsyncSession]:
        async with db.begin_nested():  # a request that fails undoes its own work, not the test's
            yield db

    app.dependency_overrides[get_db] = get_test_db
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        yield client
    app.dependency_overrides.clear()


@pytest.fixture
async def committing_client(app: FastAPI, cloned_database: None) -> AsyncIterator[AsyncClient]:
    """The real `get_db`. What the test commits goes away with the database."""
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        yield client
    await engine.dispose()
    await database.clone()


@pytest.fixture
async def committed(committing_client: AsyncClient) -> AsyncIterator[AsyncSession]:
    """The session of factories in a test that commits: they commit each record at once.

    Commit what you add to it yourself before the first request.
    """
    async with SessionLocal() as db:
        with AsyncModelFactory.saved_in(db, commits=True):
            yield db


@pytest.fixture(autouse=True)
def session_of_factories(request: pytest.FixtureRequest) -> None:
    """Open it before anything is saved, so that a test may name its fixtures in any order."""
    names = set(request.fixturenames)
    if {"db", "committing_client"} <= names:
        pytest.fail("A test rolls back (`db`, `client`) or commits (`committing_client`).")
    if "committing_client" in names:
        request.getfixturevalue("committed")
    elif {"db", *RECORDS} & names:
        request.getfixturevalue("db")
