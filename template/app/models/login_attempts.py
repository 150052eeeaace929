from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


class LoginAttempts(Base):
    """How many logins to one account from one network failed, or are not answered yet.

    The key is a fingerprint of both, or of the user who changes a password: no e-mail and no
    address is stored.
    """

    __tablename__ = "login_attempts"

    key: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    ends_at: Mapped[datetime] = mapped_column(index=True)
