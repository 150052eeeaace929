"""Free JSON: all that `Json` accepts can be stored and sent back; all else is a 422."""

import json
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from pydantic import BaseModel, JsonValue
from sqlalchemy import literal, select
from sqlalchemy.dialects.postgresql import JSONB

from app.api.deps import DbSession
from app.schemas.base import LEFT_OUT, Input, Json, JsonObject

CANARY = "zq7canary"
UNFIT = [
    pytest.param(text, id=name)
    for name, text in {
        "NUL": f'"{CANARY}\\u0000"',
        "half a surrogate pair": f'"{CANARY}\\ud800"',
        "the other half": f'"{CANARY}\\udfff"',
        "not a number": "NaN",
        "infinity": "-Infinity",
        "beyond a float": "1e400",
        "too deep": "[" * 65 + "]" * 65,
        "much too deep": "[" * 300 + "]" * 300,
    }.items()
]
FIT = [
    pytest.param(text, id=text[:20])
    for text in (
        "null",
        "1e308",
        "-5e-324",
        "9" * 4300,
        '"\\u0001\\\\u0000 \\ud83d\\ude00"',
        '{"": [{}]}',
        "[" * 64 + "]" * 64,
    )
]


class Shelf(Input):
    any: Json = LEFT_OUT
    some: list[Json] = LEFT_OUT
    named: JsonObject = LEFT_OUT


class ShelfRead(BaseModel):
    shelves: list[dict[str, JsonValue]]


@pytest.fixture
def shelves(app: FastAPI) -> None:
    @app.post("/shelves", response_model=ShelfRead)
    async def store(shelf: Shelf, db: DbSession) -> dict[str, list[Any]]:
        stored = await db.execute(select(literal(shelf.model_dump(exclude_unset=True), JSONB)))
        return {"shelves": [stored.scalar_one()]}


async def send(client: AsyncClient, body: str) -> tuple[int, str]:
    headers = {"Content-Type": "application/json"}
    response = await client.post("/shelves", content=body, headers=headers)
    return response.status_code, response.text


@pytest.mark.usefixtures("shelves")
@pytest.mark.parametrize("unfit", UNFIT)
async def test_json_that_cannot_be_stored_is_422(unfit: str, client: AsyncClient) -> None:
    places = ["any", "some", "named"]
    for body in (
        f'{{"any": {unfit}}}',
        f'{{"any": {{"x": [{unfit}]}}}}',
        f'{{"some": [0, {unfit}]}}',
        f'{{"named": {{"x": {unfit}}}}}',
        *([f'{{"{place}": [{{"y": {{{unfit}: 1}}}}]}}' for place in places[:2]]),
        f'{{"named": {{{unfit}: 1}}}}',
        f'{{"named": {{"x": {{{unfit}: 1}}}}}}',
    ):
        status, text = await send(client, body)

        assert status == 422, body[:100]
        assert CANARY not in text


@pytest.mark.usefixtures("shelves")
@pytest.mark.parametrize("fit", FIT)
async def test_json_that_can_be_stored_is_sent_back(fit: str, client: AsyncClient) -> None:
    for body in (f'{{"any": {fit}}}', f'{{"some": [{fit}]}}', f'{{"named": {{"x": {fit}}}}}'):
        status, text = await send(client, body)

        assert status == 200, body[:100]
        (shelf,) = json.loads(text, parse_int=float)["shelves"]
        assert shelf.items() >= json.loads(body, parse_int=float).items()
