"""How passwords are hashed, and which new ones are too weak."""

import asyncio
from collections.abc import Collection

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from zxcvbn import matching, zxcvbn

from app.turns import in_turn

SCORED_LENGTH = 48  # characters: zxcvbn takes 0.1 s for these, and ever more for longer ones
MIN_SCORE = 3  # of zxcvbn's 0 to 4: it takes 10**8 guesses or more

# One hash takes 64 MiB and about 100 ms of one core: more threads would only delay other requests.
_hasher = PasswordHash((Argon2Hasher(parallelism=1),))
_hashing = asyncio.Semaphore(2)
_scoring = asyncio.Semaphore(1)  # zxcvbn keeps `user_inputs` in a global
# zxcvbn tries every combination of spellings. With its own table, one password may take seconds.
matching.L33T_TABLE.update(c=["("], g=["9"], i=["1", "!"], l=["1"], t=["7"])


async def easy_to_guess(password: str, about: Collection[str] = ()) -> bool:
    """Whether a dictionary attack finds it early. `about` are words that describe its user."""
    found = await in_turn(_scoring, zxcvbn, password[:SCORED_LENGTH], user_inputs=about)
    return bool(found["score"] < MIN_SCORE)


async def hash_password(password: str) -> str:
    """Hash with Argon2id, slow on purpose: brute force of a stolen table takes too long.

    Hold no database connection while it runs.
    """
    return await in_turn(_hashing, _hasher.hash, password)


async def verify_password(password: str, password_hash: str | None) -> tuple[bool, str | None]:
    """Return whether the password is right, and a new hash to store if the old one is too weak.

    Without a hash it returns False after the same time, so that a timing attack does not show
    which accounts exist. Hold no database connection while it runs.
    """
    if password_hash is None:
        await in_turn(_hashing, _hasher.hash, password)
        return False, None
    return await in_turn(_hashing, _hasher.verify_and_update, password, password_hash)
