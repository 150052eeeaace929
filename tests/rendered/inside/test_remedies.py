"""What a failed or skipped contract test says: the likely remedy first, and what was answered."""

from typing import Any

import factory
import pytest
from httpx import Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.users import Role, User
from tests.contract import calls, test_authorisation
from tests.contract.accounts import ANSWERS
from tests.contract.answers import Answers
from tests.contract.calls import call_about, how_to_call
from tests.contract.operations import Operation, operations
from tests.factories.users import UserFactory

UPDATE_POST = next(operation for operation in operations() if operation.name == "update_post")
ROLES = {"type": "string", "enum": ["user", "admin"]}


def patch_user(**properties: Any) -> Operation:
    """An update that takes these fields, of which the answers know none."""
    schema = {"type": "object", "properties": properties}
    user_id = {"name": "user_id", "in": "path", "required": True, "schema": {"type": "integer"}}
    body = {"content": {"application/json": {"schema": schema}}}
    details = {"parameters": [user_id], "requestBody": body}
    return Operation("rename", "patch", "/users/{user_id}", details)


@pytest.fixture
def shared_post(monkeypatch: pytest.MonkeyPatch) -> None:
    """No relationship of a post says whose it is."""
    monkeypatch.setattr(calls, "belongs_to_a_user", lambda model: False)


def refusal(**problem: Any) -> Response:
    return Response(422, json=problem, headers={"Content-Type": "application/problem+json"})


def test_skip_repeats_what_the_response_says() -> None:
    wrong = {"loc": ["body"], "msg": "Value error, It ends after it starts."}

    told = how_to_call(UPDATE_POST, refusal(detail="Not valid.", errors=[wrong]))

    assert "says: Not valid. body: Value error, It ends after it starts. Write " in told
    assert "values={'update_post.FIELD': " in told


def test_skip_names_the_field_that_is_wrong() -> None:
    wrong = {"loc": ["body", "lines", 0], "msg": "Too long."}

    assert "body.lines.0: Too long." in how_to_call(UPDATE_POST, refusal(errors=[wrong]))


def test_skip_needs_no_problem_in_the_response() -> None:
    for response in (Response(303), Response(404, text="no"), Response(409, json=["no"])):
        assert f"answers {response.status_code} " in how_to_call(UPDATE_POST, response)


@pytest.mark.parametrize("status", [403, 404])
def test_refused_owner_of_a_shared_record_is_told_of_members_first(
    status: int, shared_post: None
) -> None:
    told = test_authorisation.remedy(UPDATE_POST, "owner", status, str(status))

    assert 0 < told.find("members={Post: ") < told.find("access={('update_post', 'owner'): ")


@pytest.mark.parametrize(("caller", "status"), [("other", 403), ("owner", 200), ("owner", 401)])
def test_members_are_named_only_where_they_help(
    caller: str, status: int, shared_post: None
) -> None:
    assert "members=" not in test_authorisation.remedy(UPDATE_POST, caller, status, "allowed")


def test_owner_of_an_owned_record_is_not_told_of_members() -> None:
    assert "members=" not in test_authorisation.remedy(UPDATE_POST, "owner", 403, "403")


async def test_record_that_exists_already_names_the_answer(
    user: User, db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a membership that `members` has made before the contract test makes it."""

    class SameEmail(UserFactory):
        email = factory.Sequence(lambda n: user.email)

    monkeypatch.setitem(calls.MODELS, "reviewer_id", User)
    monkeypatch.setitem(calls.FACTORIES, User, SameEmail)

    with pytest.raises(pytest.fail.Exception) as failed:
        await calls.value_of(UPDATE_POST, "reviewer_id", {"type": "integer"}, [user])

    assert "users_email_key" in str(failed.value)
    assert "values={'reviewer_id': new_user}" in str(failed.value)
    assert "async def new_user(caller)" in str(failed.value)


@pytest.mark.parametrize("role", [Role.USER, Role.ADMIN])
async def test_update_changes_a_choice(role: Role, db: AsyncSession) -> None:
    user = await UserFactory.acreate(role=role)

    call = await call_about(user, patch_user(role=ROLES))

    assert call.body == {"role": "admin" if role == "user" else "user"}


async def test_update_changes_a_yes_or_no(user: User, db: AsyncSession) -> None:
    call = await call_about(user, patch_user(disabled={"type": "boolean"}))

    assert call.body == {"disabled": True}


async def test_update_that_changes_something_stays_as_it_is(user: User, db: AsyncSession) -> None:
    """The first choice is the one that an owner's rules are known to accept."""
    call = await call_about(user, patch_user(role=ROLES, name={"type": "string"}))

    assert call.body == {"role": "user", "name": "x"}


async def test_only_choice_is_sent(user: User, db: AsyncSession) -> None:
    call = await call_about(user, patch_user(role={"const": "user"}))

    assert call.body == {"role": "user"}


async def test_answer_is_sent_although_it_changes_nothing(
    user: User, db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = ANSWERS | Answers(values={"rename.role": "user"})
    monkeypatch.setattr(calls, "ANSWERS", answers)

    assert (await call_about(user, patch_user(role=ROLES))).body == {"role": "user"}
