from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.models.users import Role
from app.schemas.base import LEFT_OUT, NO_NUL, Email, Input, Password, Secret

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=NO_NUL)]


class UserCreate(Input):
    email: Email
    name: Name
    password: Password


class UserUpdate(Input):
    name: Name = LEFT_OUT


class PasswordChange(Input):
    current_password: Secret
    new_password: Password


class UserAdminUpdate(Input):
    role: Role = LEFT_OUT
    disabled: bool = LEFT_OUT


class UserRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    email: str
    name: str
    role: Role
    disabled: bool
    created_at: datetime
    last_login_at: datetime | None


class UserPage(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    items: list[UserRead]
    next_cursor: str | None
