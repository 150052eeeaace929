"""A route that is added after the OpenAPI document was read, as tests do."""

from fastapi import FastAPI


def test_late_route_is_documented_with_its_problems(app: FastAPI) -> None:
    before = app.openapi()

    @app.post("/late", status_code=204, response_model=None)
    async def late() -> None: ...

    after = app.openapi()

    assert {"500", "503"} <= after["paths"]["/late"]["post"]["responses"].keys()
    assert after["components"]["schemas"].keys() == before["components"]["schemas"].keys()
