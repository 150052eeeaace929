"""The snippets that the service was specified by stand in it, word for word.

A snippet matches anywhere in its file; `...` stands for whatever comes there. Layout, comments and
the comma at the end of a list do not count.
"""

import io
import tokenize
from pathlib import Path

import pytest

SNIPPETS = {
    "app/db/session.py": [
        """
engine = create_async_engine(settings.database_url, pool_pre_ping=True, isolation_level="AUTOCOMMIT", ...)
SessionLocal = async_sessionmaker(engine, expire_on_commit=False, execution_options={"isolation_level": "READ COMMITTED"})
"""
    ],
    "app/api/deps.py": [
        "async with SessionLocal() as db, db.begin():\n    try:\n        yield db\n"
        "    except Recorded:\n        await db.commit()\n        raise\n",
        "async with SessionLocal(\n"
        'execution_options={"isolation_level": "AUTOCOMMIT"}, sync_session_class=ReadOnlySession\n'
        ") as db:\n    yield db\n    await db.flush()\n",
        "async def get_db(...) -> AsyncSession:",
        "async def get_current_user(...) -> User:",
        "async def require_admin(...) -> User:",
        "async def get_settings() -> Settings:",
        "DbSession = Annotated[AsyncSession, Depends(get_db)]",
        "CurrentUser = Annotated[User, Depends(get_current_user)]",
        "AdminUser = Annotated[User, Depends(require_admin)]",
        "SettingsDep = Annotated[Settings, Depends(get_settings)]",
    ],
    "app/api/routes/posts.py": [
        """
@router.post("/posts", response_model=PostRead, status_code=201)
async def create_post(payload: PostCreate, user: CurrentUser, db: DbSession) -> Post:
    \"\"\"Write a post.\"\"\"
    return await post_service.create(db, payload, user)
"""
    ],
    "app/schemas/posts.py": [
        "Title = Annotated[str, Field(min_length=1, max_length=200, ...)]",
        """
class PostRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    title: str
    body: str
    created_at: datetime
""",
    ],
    "app/repos/posts.py": [
        """
async def list_posts(db: AsyncSession, *, limit: int = 20, ...) -> list[Post]:
    stmt = select(Post).order_by(Post.created_at.desc(), Post.id.desc()).limit(limit)
    ...
    result = await db.execute(stmt)
    return list(result.scalars().all())
"""
    ],
    "tests/conftest.py": [
        'AsyncClient(transport=ASGITransport(app=app), base_url="http://test")',
        "app.dependency_overrides[get_db] = ...",
        "app.dependency_overrides.clear()",
        'await connection.execution_options(isolation_level="READ COMMITTED")',
        'SessionLocal(bind=connection, join_transaction_mode="create_savepoint", execution_options={})',
        "async with db.begin_nested():",
    ],
    "pyproject.toml": ['asyncio_mode = "auto"'],
}
LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}


def tokens(source: str) -> list[str]:
    found = tokenize.generate_tokens(io.StringIO(source).readline)
    words = [token.string for token in found if token.type not in LAYOUT and token.string]
    pairs = zip(words, [*words[1:], ""], strict=True)
    return [word for word, after in pairs if word != "," or after not in ")]}"]


def stands_in(snippet: list[str], source: list[str]) -> bool:
    """Whether the parts of the snippet follow each other in the source, the first one anywhere."""
    parts = " ".join(snippet).split("...")
    text, position = " ".join(source), 0
    for part in parts:
        position = text.find(part.strip(" ,"), position)
        if position < 0:
            return False
    return True


@pytest.mark.parametrize("file", SNIPPETS)
def test_the_snippets_stand_in_the_rendered_files(file: str, renders: dict[str, Path]) -> None:
    text = (renders["default"] / file).read_text()
    source = tokens(text) if file.endswith(".py") else text.split()

    for snippet in SNIPPETS[file]:
        wanted = tokens(snippet) if file.endswith(".py") else snippet.split()
        assert stands_in(wanted, source), snippet


def test_a_changed_snippet_is_noticed() -> None:
    source = tokens("engine = create_async_engine(url, pool_pre_ping=False, echo=True)")

    assert stands_in(tokens("create_async_engine(url, pool_pre_ping=False, ...)"), source)
    assert not stands_in(tokens("create_async_engine(url, pool_pre_ping=True, ...)"), source)


@pytest.mark.parametrize(
    "path",
    [
        "app/main.py",
        "app/config.py",
        "app/api/__init__.py",
        "app/api/routes",
        "app/api/deps.py",
        "app/db/base.py",
        "app/db/session.py",
        "app/models",
        "app/schemas",
        "app/services",
        "app/repos",
        "alembic/env.py",
        "alembic/versions",
        "tests/conftest.py",
        "tests/unit",
        "tests/integration",
        "requirements.txt",
        "AGENTS.md",
        "CLAUDE.md",
    ],
)
def test_the_structure_is_the_specified_one(path: str, service: Path) -> None:
    assert (service / path).exists()
