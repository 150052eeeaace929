"""Make the first admin, or another one: `python -m app.commands.create_admin EMAIL`.

An account that has the e-mail becomes an admin and keeps its password. For a new one, the
password comes from the terminal, or from a line of standard input.
"""

import asyncio
import sys
from getpass import getpass

from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from app import logging
from app.config import settings
from app.db.session import SessionLocal, engine
from app.errors import AppError
from app.models.users import Role
from app.repos import users as user_repo
from app.schemas.base import normalise_email
from app.schemas.users import UserCreate
from app.services import users as user_service


async def create_admin(email: str) -> str:
    """Return a sentence that says what was done. Raises `ValidationError`, and `Invalid`."""
    async with SessionLocal() as db, db.begin():
        user = await user_repo.find_by_email(db, normalise_email(email))
        if user:
            user.role = Role.ADMIN
            return f"{email} is an admin now, with the same password."
    fields = {"email": email, "name": "Admin", "password": read_password()}
    payload = UserCreate.model_validate(fields)
    async with SessionLocal() as db, db.begin():
        user = await user_service.register(db, payload)
        user.role = Role.ADMIN
    return f"{email} is an admin now."


def read_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass("Password (15 characters or more): ")
    if getpass("Again: ") != password:
        sys.exit("The two passwords differ.")
    return password


async def main(email: str) -> None:
    try:
        print(await create_admin(email))
    except ValidationError as error:
        problems = [f"{e['loc'][0]}: {e['msg']}" for e in error.errors(include_input=False)]
        sys.exit("\n".join(problems))
    except AppError as error:
        sys.exit(str(error))
    except EOFError:
        sys.exit("No password was typed, and no admin made.")
    except (OSError, DBAPIError) as error:
        reason = error.driver_exception if isinstance(error, DBAPIError) else error
        local = "Locally `poe db` starts the database, and `poe migrate` makes the tables."
        sys.exit(f"No admin was made: {reason}. {local}")
    finally:
        await engine.dispose()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Usage: python -m app.commands.create_admin EMAIL")
    logging.configure(settings)
    asyncio.run(main(sys.argv[1]))
