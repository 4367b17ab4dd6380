"""``/docs/guide``: the documents in ``docs/`` as a site with a search, all of it served from here.

``scripts/guide.sh`` builds it into ``site/`` beside this file; where it was not built, a page says
how.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Final

from flask import Blueprint, Flask, Response, redirect, send_from_directory, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from app.http.auth import OPEN, needs

SITE: Final = Path(__file__).parent / "site"
_HOME: Final = "index.html"
_DAY_SECONDS: Final = 86_400
_POLICY: Final = (
    "default-src 'none'; script-src 'self'{scripts}; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
_SCRIPTS: Final = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>The guide of the BV-BRC workflow engine</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<h1>{title}</h1>
<p>{text}
"""
_NOT_BUILT: Final = _PAGE.format(
    title="The guide was not built on this server",
    text="Its operator can build it: <code>./scripts/guide.sh</code> in the project's folder; no"
    " process has to be restarted. Until then, the same pages are plain files in <code>docs/</code>"
    ' of the project. <a href="/docs">The routes of the API</a> are here.',
)
_NO_SUCH_PAGE: Final = _PAGE.format(
    title="The guide has no such page",
    text='Begin at <a href="/docs/guide/">its first page</a>; it has a search.',
)


def register(app: Flask, site: Path = SITE) -> None:
    """Adds the routes of the site that stands, or will stand, in the folder."""
    blueprint = Blueprint("guide", __name__, url_prefix="/docs/guide")

    @blueprint.route("", strict_slashes=True)
    @needs(OPEN)
    def front() -> AnyResponse:
        """With a slash at its end, so that relative links lead below it."""
        return redirect(url_for("guide.show", name=""))

    @blueprint.route("/", defaults={"name": ""})
    @blueprint.route("/<path:name>")
    @needs(OPEN)
    def show(name: str) -> Response:
        return answer(site, name or _HOME)

    app.register_blueprint(blueprint)


def answer(site: Path, name: str) -> Response:
    """A file of the site; pages get the policy that allows their own scripts and no others."""
    if not (site / _HOME).exists():
        return _explain(_NOT_BUILT)
    # The names of assets change with their contents; other files are asked for again by their ETag.
    keep_seconds = _DAY_SECONDS if name.startswith("assets/") else None
    try:
        response = send_from_directory(site, name, max_age=keep_seconds)
    except NotFound:
        return _explain(_NO_SUCH_PAGE)
    if name.endswith(".html"):
        file = site / name
        hashes = script_hashes(file, file.stat().st_mtime_ns)
        response.headers["Content-Security-Policy"] = _policy(hashes)
    return response


def _explain(page: str) -> Response:
    headers = {"Content-Security-Policy": _policy(()), "Cache-Control": "no-store"}
    return Response(page, 404, mimetype="text/html", headers=headers)


def _policy(hashes: tuple[str, ...]) -> str:
    return _POLICY.format(scripts="".join(f" '{each}'" for each in hashes))


@lru_cache(maxsize=512)
def script_hashes(page: Path, modified_ns: int) -> tuple[str, ...]:  # noqa: ARG001 - a key
    """Of the scripts that stand in the page, as a Content-Security-Policy names them."""
    digests = (hashlib.sha256(code).digest() for code in _SCRIPTS.findall(page.read_bytes()))
    return tuple(sorted({f"sha256-{base64.b64encode(each).decode()}" for each in digests}))
