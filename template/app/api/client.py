"""Where a request comes from."""

from typing import Annotated

from fastapi import Depends, Request


async def client_address(request: Request) -> str:
    """The caller's address: behind a proxy, only uvicorn's `FORWARDED_ALLOW_IPS` makes it so."""
    return request.client.host if request.client else ""


ClientAddress = Annotated[str, Depends(client_address)]
