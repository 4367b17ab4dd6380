"""The caller's stored token over HTTP: how it stands, and whether the engine renews it."""
