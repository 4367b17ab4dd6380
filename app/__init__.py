"""The HTTP interface: turns requests into calls of the engine, and results into answers. It holds
no rules."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from flask import Flask
from flask_smorest import Api
from werkzeug.middleware.proxy_fix import ProxyFix

from app import cli, deletion, guide, ui
from app.admin import routes as admin
from app.api import (
    commands,
    history,
    reference,
    results,
    ro_crate,
    status,
    step_reuse,
    steps,
    system,
    usage,
)
from app.api.apps import routes as apps
from app.api.cwl import routes as cwl
from app.api.schemas.response_schemas import Error
from app.api.submit import routes as submit
from app.batches import routes as batches
from app.connections import Connections, attach
from app.emails import routes as emails
from app.forecast import routes as forecast
from app.holds import routes as holds
from app.http import admission, cors, docs, errors, headers, metering, request_ids, traffic
from app.http.auth import Gate
from app.http.throttle import Throttle
from app.live.broadcaster import Broadcaster
from app.live.hints import Hints
from app.many import routes as many
from app.priorities import routes as priorities
from app.quotas import Quotas
from app.templates import routes as templates
from app.tokens import routes as tokens
from app.tokens.password_sign_in import PasswordSignIn
from app.webhooks import routes as webhooks
from app.wes import errors as wes_errors
from app.wes import routes as wes_routes
from config.settings import Settings
from observability.metering import counts_of
from tasks.celery import app as celery
from workflows.bvbrc.signers import SignerKeys
from workflows.bvbrc.token import Verifier
from workflows.bvbrc.users.password_login import PasswordLogin
from workflows.bvbrc.wire import Wire

PREFIX: Final = "/api/v1"
_SIGN_IN_TIMEOUT: Final = timedelta(seconds=10)


class Documented(Api):  # type: ignore[misc]
    """flask-smorest's registry of routes, with our one body for every error."""

    ERROR_SCHEMA = Error
    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        """Ours are in ``errors.py``."""


def create_app(settings: Settings) -> Flask:
    """The WSGI application. Nothing is connected before the first request."""
    app = Flask("app", static_folder=None)
    app.config.update(
        API_TITLE="BV-BRC workflow engine",
        API_VERSION=system.VERSION,
        OPENAPI_VERSION="3.0.3",
        API_SPEC_OPTIONS=docs.spec_options(),
    )
    gate = _gate(settings)
    quotas = Quotas(settings.quotas)
    broadcaster = Broadcaster(settings.api.max_streams)
    sign_in = _password_sign_in(settings, gate.throttle)
    connections = Connections(settings, gate, Hints(celery), broadcaster, quotas, sign_in)
    attach(app, connections)
    system.attach(app, connections)
    wes_routes.attach(app)
    request_ids.register(app)
    traffic.register(app, counts_of(settings.metrics))
    headers.register(app)
    cors.register(app, settings.api.cors_origins)
    admission.register(app, gate, settings.api.max_body_bytes, [metering.begin])
    metering.register(app)
    errors.register(app)
    wes_errors.register(app)
    docs.register(app, _register_routes(app))
    guide.register(app)
    ui.register(app)
    for group in (cli.credentials, cli.db):
        app.cli.add_command(group)
    if proxies := settings.api.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    return app


def _register_routes(app: Flask) -> Documented:
    """The routes of the API, and of GA4GH WES, which the OpenAPI document describes."""
    api = Documented(app)
    of_workflows = (status, history, steps, step_reuse, results, ro_crate, forecast)
    reading = (apps, *of_workflows, usage, admin, system)
    steering = (commands, holds, priorities, tokens, deletion)
    changing = (submit, cwl, batches, templates, many, webhooks, emails, *steering)
    for part in (*changing, *reading):
        api.register_blueprint(part.blueprint, url_prefix=PREFIX)
    api.register_blueprint(wes_routes.blueprint, url_prefix=wes_errors.PREFIX)
    api.register_blueprint(system.for_prometheus)
    api.register_blueprint(reference.blueprint)
    return api


def _gate(settings: Settings) -> Gate:
    trusted, per_minute = settings.auth.trusted_signers, settings.api.bad_tokens_per_minute
    return Gate(
        verifier=Verifier(keys=SignerKeys(Wire(), trusted), trusted=trusted),
        throttle=Throttle(burst=per_minute, per_second=per_minute / 60),
        links=settings.auth.reads == "link",
        admins=settings.auth.admins,
    )


def _password_sign_in(settings: Settings, addresses: Throttle) -> PasswordSignIn:
    login = PasswordLogin(Wire(), settings.auth.service_url, _SIGN_IN_TIMEOUT)
    return PasswordSignIn(login, addresses, settings.auth.wrong_passwords_per_minute)
