"""The page that shows the API to people: Swagger UI, served from this machine like everything else."""

from functools import partial
from importlib import resources
from pathlib import Path

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import FileResponse, Response

_SCRIPT, _STYLE, _ICON = "swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"
_HEADERS = {
    # The page itself begins with a script and draws with styles of its own; neither may fetch from elsewhere.
    "content-security-policy": "default-src 'self'; img-src 'self' data:;"
    " script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
}
_KEPT = {"cache-control": "public, max-age=86400"}


def install(app: FastAPI) -> None:
    """Serve the page at /docs and what it is made of below. Addresses are relative, so that a proxy may add a prefix."""
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title=app.title,
        swagger_js_url=f"docs/{_SCRIPT}",
        swagger_css_url=f"docs/{_STYLE}",
        swagger_favicon_url=f"docs/{_ICON}",
        swagger_ui_parameters={"validatorUrl": None, "persistAuthorization": False},
    )
    page.headers.update(_HEADERS)

    async def show(_: Request) -> Response:
        return page

    async def fetch(path: Path, _: Request) -> Response:
        return FileResponse(path, headers=_KEPT)

    app.add_route("/docs", show, include_in_schema=False)
    folder = Path(str(resources.files("fastapi_swagger") / "resources"))
    for name in (_SCRIPT, _STYLE, _ICON):
        app.add_route(f"/docs/{name}", partial(fetch, folder / name), include_in_schema=False)
