"""``python -m agents``: the MCP server over HTTP; with ``--stdio``, for one person's own agent."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Final

import uvicorn

from agents.api import Api
from agents.caller import Caller, set_caller
from agents.server import make_application, make_server
from config.settings import load_agents

TOKEN_VARIABLE: Final = "BVBRC_TOKEN"  # noqa: S105 - the name of a variable
URL_VARIABLE: Final = "BVBRC_WORKFLOWS_URL"


def main() -> None:
    """Serves until a signal, or over stdio until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m agents", description=__doc__)
    parser.add_argument(
        "--stdio",
        action="store_true",
        help=f"speak over standard input and output, with the token in {TOKEN_VARIABLE}"
        f" (and the API at {URL_VARIABLE}, if that is set)",
    )
    if parser.parse_args().stdio:
        _serve_stdio()
    else:
        _serve_http()


def _serve_http() -> None:
    settings = load_agents()
    uvicorn.run(
        make_application(settings),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=5,
    )


def _serve_stdio() -> None:
    settings = load_agents()
    if url := os.environ.get(URL_VARIABLE):
        settings = settings.model_copy(update={"api_url": url.rstrip("/")})
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not token:
        sys.exit(f"{TOKEN_VARIABLE} is not set: put your BV-BRC token into it")
    set_caller(Caller(token))
    make_server(settings, Api(settings.api_url), verifies_tokens=False).run("stdio")


if __name__ == "__main__":
    main()
