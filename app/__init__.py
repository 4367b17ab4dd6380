"""The HTTP interface: requests in, calls of the engine, answers out. No rule lives here."""

from __future__ import annotations

from flask import Flask
from flask_smorest import Api

from app import auth, errors, request_ids, steering, submitting, system, watching
from app.auth import Gate
from app.connections import Connections, attach
from app.hints import Hints
from app.schemas import Error
from app.throttle import Throttle
from config.settings import Settings
from tasks.celery import app as celery
from workflows.bvbrc.signers import SignerKeys
from workflows.bvbrc.token import Verifier
from workflows.bvbrc.wire import Wire

PREFIX = "/api/v1"


class Documented(Api):  # type: ignore[misc]
    """flask-smorest's registry of routes, with our one body for every error."""

    ERROR_SCHEMA = Error
    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        """Ours are in ``errors.py``."""


def create_app(settings: Settings) -> Flask:
    app = Flask("app", static_folder=None)
    app.config.update(
        API_TITLE="BV-BRC workflow engine",
        API_VERSION=system.VERSION,
        OPENAPI_VERSION="3.0.3",
        MAX_CONTENT_LENGTH=settings.api.max_body_bytes,
    )
    gate = _gate(settings)
    attach(app, Connections(settings, gate, Hints(celery)))
    request_ids.register(app)
    auth.register(app, gate)
    api = Documented(app)
    for blueprint in (
        submitting.blueprint,
        watching.blueprint,
        steering.blueprint,
        system.blueprint,
    ):
        api.register_blueprint(blueprint, url_prefix=PREFIX)
    errors.register(app)
    return app


def _gate(settings: Settings) -> Gate:
    trusted = settings.auth.trusted_signers
    return Gate(
        verifier=Verifier(keys=SignerKeys(Wire(), trusted), trusted=trusted),
        throttle=Throttle(burst=300, per_second=5),
        links=settings.auth.reads == "link",
        admins=settings.auth.admins,
    )
