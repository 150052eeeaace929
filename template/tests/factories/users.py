import factory
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.models.users import User
from tests.factories.base import AsyncModelFactory

PASSWORD = "correct horse battery staple"
# Argon2 at its lowest cost. A strong hash takes 100 ms, by design.
QUICK_HASHER = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
PASSWORD_HASH = QUICK_HASHER.hash(PASSWORD)


class UserFactory(AsyncModelFactory[User]):
    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"user{n}@example.com")
    name = "Ada"
    password_hash = PASSWORD_HASH
