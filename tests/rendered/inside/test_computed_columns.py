"""What PostgreSQL computes in an UPDATE is known after it, without a query by accident."""

from decimal import Decimal

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from pydantic import BaseModel
from sqlalchemy import Computed, MetaData
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.api.deps import DbSession
from app.db.base import Base
from tests.contract.statements import Statements


class Order(Base):
    metadata = MetaData()  # of its own, so that no other test sees the table
    __tablename__ = "computed_orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    count: Mapped[int]
    price: Mapped[Decimal]
    total: Mapped[Decimal] = mapped_column(Computed("count * price"))


class OrderRead(BaseModel):
    count: int
    total: Decimal


@pytest.fixture
async def order(committed: AsyncSession, app: FastAPI) -> None:
    connection = await committed.connection()
    await connection.run_sync(Order.metadata.create_all)
    committed.add(Order(id=1, count=2, price=Decimal("1.50")))
    await committed.commit()

    @app.patch("/orders", response_model=OrderRead)
    async def update_order(db: DbSession, count: int) -> Order:
        found = await db.get_one(Order, 1)
        found.count = count
        await db.flush()
        return found

    @app.post("/orders", response_model=OrderRead)
    async def count_order(db: DbSession) -> Order:
        found = await db.get_one(Order, 1)
        found.count = Order.count + 1
        await db.flush()
        await db.refresh(found, ["count"])
        return found


@pytest.mark.usefixtures("order")
async def test_patch_returns_a_computed_column(
    committing_client: AsyncClient, statements: Statements
) -> None:
    await statements.take()

    response = await committing_client.patch("/orders", params={"count": 4})

    assert response.json() == {"count": 4, "total": "6.00"}
    assert await statements.take() == ["ping", "BEGIN", "SELECT", "UPDATE", "COMMIT"]


@pytest.mark.usefixtures("order")
async def test_sum_of_the_database_is_read_again(
    committing_client: AsyncClient, statements: Statements
) -> None:
    """As AGENTS.md says; without the refresh this is a 500."""
    await statements.take()

    response = await committing_client.post("/orders")

    assert response.json() == {"count": 3, "total": "4.50"}
    assert await statements.take() == ["ping", "BEGIN", "SELECT", "UPDATE", "SELECT", "COMMIT"]
