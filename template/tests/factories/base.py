"""The bridge between factory_boy, which is synchronous, and `AsyncSession`."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import factory
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlalchemy.util.concurrency import in_greenlet


class AsyncModelFactory[T](factory.Factory[T]):
    """Saves with the test's session: `await user_factory.acreate()`, or a fixture like `user`.

    A factory creates its record in a plain function, where nothing can be awaited. So `acreate`
    runs it inside `AsyncSession.run_sync`: there, and nowhere else, a synchronous flush may be
    called, because SQLAlchemy awaits the database for it. pytest sets up a fixture like `user`
    in a plain function too, while the loop is idle; then the loop can run the flush.
    """

    # Underscored: factory_boy takes any other class attribute for a field of the model.
    _session: ClassVar[AsyncSession | None] = None
    _commits: ClassVar[bool]
    _loop: ClassVar[asyncio.AbstractEventLoop]

    class Meta:
        abstract = True

    @staticmethod
    @contextmanager
    def saved_in(session: AsyncSession, *, commits: bool = False) -> Iterator[None]:
        AsyncModelFactory._session = session
        AsyncModelFactory._commits = commits
        AsyncModelFactory._loop = asyncio.get_running_loop()
        yield
        AsyncModelFactory._session = None

    @classmethod
    def bound(cls) -> AsyncSession:
        if cls._session is None:
            raise RuntimeError("A test that saves a record needs the fixture `db` or `committed`.")
        return cls._session

    @classmethod
    def _create(cls, model_class: type[T], *args: Any, **fields: Any) -> T:
        session, record = cls.bound(), model_class(*args, **fields)
        if in_greenlet():  # below `acreate`
            cls._save(session.sync_session, record)
        elif cls._loop.is_running():
            raise RuntimeError(f"Inside a coroutine write `await {cls.__name__}.acreate()`.")
        else:  # pytest sets up a synchronous fixture: the loop is idle
            cls._loop.run_until_complete(session.run_sync(cls._save, record))
        return record

    @classmethod
    def _save(cls, session: Session, record: T) -> None:
        session.add(record)
        if cls._commits:
            session.commit()
        else:
            session.flush()

    @classmethod
    async def acreate(cls, **fields: Any) -> T:
        return await cls.bound().run_sync(lambda _: cls.create(**fields))

    @classmethod
    async def acreate_batch(cls, size: int, **fields: Any) -> list[T]:
        return await cls.bound().run_sync(lambda _: cls.create_batch(size, **fields))
