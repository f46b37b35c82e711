"""The page that shows the API to people."""

import re
from urllib.parse import urljoin

import httpx
import pytest

_FETCHES = re.compile(r"""(?:src|href)="([^"]+)"|url: '([^']+)'""")


@pytest.mark.parametrize("prefix", ["", "/crm"])
async def test_the_page_fetches_nothing_but_what_this_machine_serves(api: httpx.AsyncClient, prefix: str):
    page = await api.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "://" not in page.text
    assert "default-src 'self'" in page.headers["content-security-policy"]
    fetched = [src or url for src, url in _FETCHES.findall(page.text)]
    assert len(fetched) == 4
    for address in fetched:
        whole = urljoin(f"http://test{prefix}/docs", address)
        assert whole.startswith(f"http://test{prefix}/")
        part = await api.get(whole.removeprefix(f"http://test{prefix}"))
        assert part.status_code == 200, address


async def test_scripts_styles_and_pictures_are_what_they_say_and_may_be_kept(api: httpx.AsyncClient):
    kinds = {
        "swagger-ui-bundle.js": "javascript",
        "swagger-ui.css": "text/css",
        "favicon-32x32.png": "image/png",
    }
    for name, kind in kinds.items():
        part = await api.get(f"/docs/{name}")
        assert kind in part.headers["content-type"]
        assert "max-age" in part.headers["cache-control"]
    assert "SwaggerUIBundle" in (await api.get("/docs/swagger-ui-bundle.js")).text
    assert (await api.get("/docs/another.js")).status_code == 404
