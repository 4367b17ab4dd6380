"""What the API is compared with: a bare Flask route that stores one document of the same size."""

from __future__ import annotations

import os
from typing import Any

from flask import Flask, Response, request
from pymongo import MongoClient

app = Flask("yardstick")
_client: MongoClient[dict[str, Any]] = MongoClient(
    os.environ["YARDSTICK_URI"], connect=False, w="majority", journal=True
)


@app.post("/")
def store() -> Response:
    """Parsed by Flask, acknowledged by a majority, and nothing else."""
    found = _client["yardstick"]["documents"].insert_one({"document": request.get_json()})
    return Response(f'{{"id":"{found.inserted_id}"}}', 201, mimetype="application/json")
