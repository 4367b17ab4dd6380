"""``/docs``: Swagger UI, all of it served from here, and ``/openapi.json``, which it shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import flask_swagger_ui
from flask import Blueprint, Flask, Response, send_from_directory
from flask_smorest import Api

from app.http.auth import OPEN, needs
from app.http.routes import TOKEN

_FILES: Final = Path(flask_swagger_ui.__file__).parent / "dist"
_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>BV-BRC workflow engine: API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="/docs/favicon-32x32.png">
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
"""
_START: Final = """SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, tryItOutEnabled: true,
  presets: [SwaggerUIBundle.presets.apis], validatorUrl: null
});
"""
_POLICY: Final = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " frame-ancestors 'none'"
)


def spec_options() -> dict[str, object]:
    """The parts of the document besides the routes."""
    scheme = {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "The raw BV-BRC token: `un=…|tokenid=…|expiry=…|…|sig=…`. `Bearer ` or"
        " `OAuth ` before it is tolerated.",
    }
    return {
        "externalDocs": {"description": "The guide", "url": "/docs/guide/"},
        "info": {
            "description": "Runs workflows of BV-BRC jobs to their end, whatever fails on the way."
        },
        "components": {"securitySchemes": {TOKEN: scheme}},
    }


def register(app: Flask, api: Api) -> None:
    """Call it last: it makes the document once, from all registered routes."""
    document = json.dumps(api.spec.to_dict())
    blueprint = Blueprint("docs", __name__)

    @blueprint.route("/openapi.json")
    @needs(OPEN)
    def openapi() -> Response:
        return Response(document, mimetype="application/json")

    @blueprint.route("/docs", strict_slashes=False)
    @needs(OPEN)
    def page() -> Response:
        return Response(_PAGE, mimetype="text/html", headers={"Content-Security-Policy": _POLICY})

    @blueprint.route("/docs/start.js")
    @needs(OPEN)
    def start() -> Response:
        return Response(_START, mimetype="text/javascript")

    @blueprint.route("/docs/<path:name>")
    @needs(OPEN)
    def asset(name: str) -> Response:
        return send_from_directory(_FILES, name, max_age=86_400)

    app.register_blueprint(blueprint)
