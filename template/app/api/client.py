"""The network address of the caller."""

from typing import Annotated

from fastapi import Depends, Request


async def client_address(request: Request) -> str:
    """Behind a proxy elsewhere it is the proxy's, unless `FORWARDED_ALLOW_IPS` names that proxy."""
    return request.client.host if request.client else ""


ClientAddress = Annotated[str, Depends(client_address)]
