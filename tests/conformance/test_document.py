"""The OpenAPI document: valid, committed as it is, and shown by a page that loads nothing from elsewhere."""

import json
import re
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import openapi_spec_validator
import pytest

from services.api.openapi import COMMITTED, document, text
from services.api.routes import ROUTES
from tests.support.service import Service

LOADING = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "form": "action"}


class Page(HTMLParser):
    """What a page loads, and what it would run by itself."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.inline: list[str] = []
        self._inside: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if found := values.get(LOADING.get(tag, "")):
            self.loads.append(found)
        self.inline += [name for name in values if name.startswith("on") or name == "style"]
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style") and data.strip():
            self.inline.append(data)


def test_the_document_is_valid_openapi() -> None:
    openapi_spec_validator.validate(document())
    assert document()["openapi"].startswith("3.1")


def test_the_committed_document_is_the_generated_one() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == text(), "run `make openapi`"


def test_every_route_is_in_it_once_with_its_own_name() -> None:
    found = [
        (method.upper(), path, operation["operationId"])
        for path, operations in document()["paths"].items()
        for method, operation in operations.items()
    ]
    assert {(route.method, route.template) for route in ROUTES} <= {(method, path) for method, path, _ in found}
    assert len({name for _, _, name in found}) == len(found)


def test_every_operation_says_how_it_is_authenticated_and_what_it_refuses() -> None:
    for operations in document()["paths"].values():
        for operation in operations.values():
            assert "security" in operation
            if operation["security"]:
                assert "401" in operation["responses"]


async def test_it_is_served_as_it_is_committed(service: Service) -> None:
    answer = await service.call("GET", "/openapi.json")
    assert answer.status == 200
    assert answer.raw == COMMITTED.read_bytes()
    assert json.loads(answer.raw) == document()


async def test_the_docs_page_loads_vendored_files_only(service: Service) -> None:
    answer = await service.call("GET", "/docs")
    assert answer.status == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    page = Page(answer.raw.decode())
    assert page.loads
    assert page.inline == []
    for target in page.loads:
        url = urljoin(f"{service.url}/docs", target)
        assert urlsplit(url).netloc == urlsplit(service.url).netloc
        loaded = await service.call("GET", urlsplit(url).path)
        assert loaded.status == 200, target
        assert loaded.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_vendored_style_sheet_points_nowhere_else(service: Service) -> None:
    answer = await service.call("GET", "/docs/swagger-ui.css")
    targets = re.findall(r"url\(\s*['\"]?([^'\")]+)", answer.raw.decode())
    assert [target for target in targets if not target.startswith(("data:", "#"))] == []
    assert "@import" not in answer.raw.decode()


@pytest.mark.parametrize("name", ["docs.html", "..%2fopenapi.json", "swagger-ui.LICENSE"])
async def test_no_other_file_is_served(service: Service, name: str) -> None:
    assert (await service.call("GET", f"/docs/{name}")).status == 404
