from datetime import timedelta

import factory

from app.db.base import utc_now
from app.models.login_sessions import LoginSession
from app.tokens import fingerprint, new_secret
from tests.factories.base import AsyncModelFactory
from tests.factories.users import UserFactory


class LoginSessionFactory(AsyncModelFactory[LoginSession]):
    class Meta:
        model = LoginSession

    user = factory.SubFactory(UserFactory)
    family_hash = factory.LazyFunction(lambda: fingerprint(new_secret()))
    secret_hash = factory.LazyFunction(lambda: fingerprint(new_secret()))
    expires_at = factory.LazyFunction(lambda: utc_now() + timedelta(days=1))
