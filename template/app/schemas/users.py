from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from app.models.users import Role
from app.schemas.base import LEFT_OUT, NO_NUL, Email, GivenSecret, Input, NewPassword

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=NO_NUL)]


class UserCreate(Input):
    email: Email
    name: Name
    password: NewPassword


class UserUpdate(Input):
    name: Name = LEFT_OUT


class PasswordChange(Input):
    current_password: GivenSecret
    new_password: NewPassword


class UserAdminUpdate(Input):
    role: Role = LEFT_OUT
    disabled: StrictBool = LEFT_OUT


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
