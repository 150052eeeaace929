"""The session of a GET or HEAD request: it has no transaction that could roll back a write."""

from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, Session


class ReadOnlySession(Session):
    """Refuses to flush, insert, update and delete. It does not see raw SQL."""


@event.listens_for(ReadOnlySession, "before_flush")
def refuse_flush(*_: Any) -> None:
    raise RuntimeError("A GET or HEAD request cannot write. Use POST, PUT, PATCH or DELETE.")


@event.listens_for(ReadOnlySession, "do_orm_execute")
def refuse_dml(state: ORMExecuteState) -> None:
    if state.is_insert or state.is_update or state.is_delete:
        refuse_flush()
