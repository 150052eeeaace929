"""Behind a proxy, and with several database servers, as the deployment page says."""

from pathlib import Path

import pytest

from tests.services import http, installed, running

SERVE = ("uv", "run", "--no-sync", "uvicorn", "app.main:app")


@pytest.fixture(scope="module")
def service(workspace: Path) -> Path:
    return installed(workspace / "deployed")


@pytest.mark.parametrize(
    ("removed", "options", "variables"),
    [
        ("/api", ["--root-path", "/api"], {}),
        ("/api", [], {"UVICORN_ROOT_PATH": "/api"}),
        ("", [], {"ROOT_PATH": "/api"}),
    ],
)
def test_every_address_is_below_the_path_and_behind_tls(
    removed: str, options: list[str], variables: dict[str, str], service: Path
) -> None:
    proxy = {"Host": "site.example", "X-Forwarded-Proto": "https"}

    with running(service, *SERVE, *options, "--port", **variables) as url:
        passed_on = url + "/api".removeprefix(removed)
        page = http.get(f"{passed_on}/docs", headers=proxy)
        document = http.get(f"{passed_on}/openapi.json", headers=proxy).json()
        redirect = http.get(f"{passed_on}/health/live/", headers=proxy)

    assert "content-security-policy" not in page.headers
    assert "url: '/api/openapi.json'" in page.text
    assert document["servers"] == [{"url": "/api"}]
    assert redirect.headers["location"] == "https://site.example/api/health/live"


def test_no_caller_but_the_proxy_says_that_there_is_tls(service: Path) -> None:
    """Spoofed headers: a redirect that a cache keeps would lead elsewhere."""
    serve = (*SERVE, "--port")

    with running(service, *serve, FORWARDED_ALLOW_IPS="192.0.2.1") as url:
        redirect = http.get(f"{url}/health/live/", headers={"X-Forwarded-Proto": "https"})

    assert redirect.headers["location"] == f"{url}/health/live"
