"""The network address of the caller."""

from typing import Annotated

from fastapi import Depends, Request


async def client_address(request: Request) -> str:
    """Behind a proxy this is the proxy's own address, unless `FORWARDED_ALLOW_IPS` names it."""
    return request.client.host if request.client else ""


ClientAddress = Annotated[str, Depends(client_address)]
