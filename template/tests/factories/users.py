import factory
from pwdlib import PasswordHash

from app.models.users import User
from tests.factories.base import AsyncModelFactory

PASSWORD = "correct horse battery staple"
PASSWORD_HASH = PasswordHash.recommended().hash(PASSWORD)  # once: it is slow by design


class UserFactory(AsyncModelFactory[User]):
    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"user{n}@example.com")
    name = "Somebody"
    password_hash = PASSWORD_HASH
