"""The HTTP server: waitress inside gunicorn's processes, with deadlines and bounds for clients."""
