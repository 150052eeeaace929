from fastapi import APIRouter, HTTPException

from app.db import probe
from app.schemas.health import Health
from app.shutdown import shutting_down

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live", response_model=Health)
async def live() -> Health:
    """Say that the process answers."""
    return Health()


@router.get("/ready", response_model=Health)
async def ready() -> Health:
    """Say that the process takes requests and the database answers too."""
    if shutting_down.is_set():
        raise HTTPException(status_code=503, detail="The service is shutting down.")
    await probe.ask()
    return Health()
