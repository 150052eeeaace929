"""Below a path of another site, as a proxy serves it, and apps that are mounted below a path.

uvicorn puts its `--root-path` before the path of every request. Behind a proxy that passes the
whole path on, ROOT_PATH says how much of it is not ours. Either way `scope["path"]` begins with
`scope["root_path"]`. Other servers leave it out.
"""

from urllib.parse import urljoin

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from httpx import ASGITransport, AsyncClient

from app.config import Settings
from app.main import create_app

TITLE = "Not ours"  # so that nothing but the tests here looks at what is answered
SITE = "https://site.example"
PAGES = ["/docs", "/redoc", "/docs/oauth2-redirect"]
below_a_path = pytest.mark.parametrize("path", ["", "/api", "/docs"])


def browser(app: FastAPI, root_path: str) -> AsyncClient:
    return AsyncClient(transport=ASGITransport(app=app, root_path=root_path), base_url=SITE)


@pytest.fixture
def new_app() -> FastAPI:
    """With two more, mounted: one as FastAPI makes it, one whose pages are elsewhere."""
    app = create_app(Settings(title=TITLE))
    app.mount("/admin", FastAPI())
    app.mount("/moved", FastAPI(docs_url="/pages/try", redoc_url="/pages/read"))
    return app


@below_a_path
@pytest.mark.parametrize(
    "page",
    [*PAGES, *(f"/admin{page}" for page in PAGES), "/moved/pages/try", "/moved/pages/read"],
)
async def test_documentation_page_may_run_its_scripts(
    new_app: FastAPI, path: str, page: str
) -> None:
    async with browser(new_app, path) as client:
        response = await client.get(f"{path}{page}")

    assert response.status_code == 200
    assert "content-security-policy" not in response.headers
    assert response.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("page", PAGES)
async def test_documentation_page_is_found_by_a_server_that_leaves_the_path_out(
    new_app: FastAPI, page: str
) -> None:
    async with browser(new_app, "/api") as client:
        response = await client.get(page)

    assert "content-security-policy" not in response.headers


@below_a_path
async def test_only_documentation_pages_run_scripts(new_app: FastAPI, path: str) -> None:
    """XSS: by the raw path, a page below `--root-path /docs` would have no policy."""

    @new_app.get("/pages/{name}", response_class=HTMLResponse, response_model=None)
    async def page(name: str) -> str:
        return name

    async with browser(new_app, path) as client:
        for other in ("/pages/docs", "/openapi.json", "/docs/", "/docs/docs", "/admin/none", "/"):
            response = await client.get(f"{path}{other}", follow_redirects=False)
            assert "content-security-policy" in response.headers, other
        refused = await client.post(f"{path}/docs")

    assert refused.status_code == 405
    assert "content-security-policy" in refused.headers


async def test_data_at_the_path_of_a_documentation_page_has_the_policy() -> None:
    app = create_app(Settings(title=TITLE, docs_enabled=False))

    @app.get("/docs", response_model=None)
    async def docs() -> dict[str, str]:
        return {}

    async with browser(app, "") as client:
        response = await client.get("/docs")

    assert "content-security-policy" in response.headers


@below_a_path
async def test_page_of_your_own_at_the_path_of_documentation_may_run_scripts(path: str) -> None:
    """As FastAPI describes for scripts that you serve yourself."""
    app = create_app(Settings(title=TITLE, docs_enabled=False))

    @app.get("/docs", response_class=HTMLResponse, response_model=None)
    async def docs() -> str:
        return "<script></script>"

    async with browser(app, path) as client:
        response = await client.get(f"{path}/docs")

    assert "content-security-policy" not in response.headers


@below_a_path
async def test_documentation_page_names_its_document(new_app: FastAPI, path: str) -> None:
    async with browser(new_app, path) as client:
        for mounted in ("", "/admin"):
            document = f"{path}{mounted}/openapi.json"
            for page in ("/docs", "/redoc"):
                html = (await client.get(f"{path}{mounted}{page}")).text
                assert f"'{document}'" in html or f'"{document}"' in html
            response = await client.get(document)
            servers = response.json().get("servers", [])

            root = f"{path}{mounted}"
            assert servers == ([{"url": root}] if root else [])


@below_a_path
async def test_authorize_asks_where_tokens_are(new_app: FastAPI, path: str) -> None:
    """Swagger UI resolves a relative `tokenUrl` from its page, other clients from the document."""
    async with browser(new_app, path) as client:
        document = (await client.get(f"{path}/openapi.json")).json()
        (scheme,) = document["components"]["securitySchemes"].values()
        token_url = scheme["flows"]["password"]["tokenUrl"]
        for base in ("/docs", "/openapi.json"):
            address = urljoin(f"{SITE}{path}{base}", token_url)
            assert address == f"{SITE}{path}/auth/token"
            assert (await client.post(address)).status_code == 422


@below_a_path
async def test_redirect_stays_below_the_path(new_app: FastAPI, path: str) -> None:
    async with browser(new_app, path) as client:
        response = await client.get(f"{path}/health/live/?x=1")

    assert response.status_code == 307
    assert response.headers["location"] == f"{SITE}{path}/health/live?x=1"


async def test_405_below_a_path_lists_allowed_methods(new_app: FastAPI) -> None:
    async with browser(new_app, "/api") as client:
        response = await client.delete("/api/health/live")

    assert response.headers["allow"] == "GET"


async def test_proxy_that_passes_the_whole_path_on(new_app: FastAPI) -> None:
    """The root path is a setting; a health check that asks the process itself is answered too."""
    app = create_app(Settings(title=TITLE, root_path="/api"))

    async with browser(app, "") as client:
        document = (await client.get("/api/openapi.json")).json()
        page = await client.get("/api/docs")
        redirect = await client.get("/api/health/live/")
        probe = await client.get("/health/live")

    assert document["servers"] == [{"url": "/api"}]
    assert "content-security-policy" not in page.headers
    assert redirect.headers["location"] == f"{SITE}/api/health/live"
    assert probe.status_code == 200
