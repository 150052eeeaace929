"""Write sample data, for a look around on your own machine. Idempotent: run it again freely."""

import asyncio
import sys
from importlib import import_module
from pkgutil import iter_modules

from app.config import settings
from app.db.session import SessionLocal, engine
from scripts import seeds
from scripts.seeds.users import PASSWORD


async def main() -> None:
    if settings.environment != "local":
        sys.exit("Sample data is for ENVIRONMENT=local only.")
    async with SessionLocal() as db, db.begin():
        for module in iter_modules(seeds.__path__):
            written = await import_module(f"{seeds.__name__}.{module.name}").seed(db)
            print(f"{module.name}: {len(written)}")
    await engine.dispose()
    print(f"Sign in as ada@example.com with the password: {PASSWORD}")


if __name__ == "__main__":
    asyncio.run(main())
