"""The routes of e-mail addresses, for the matrix of tokens."""

ROUTES = [
    ("POST", "/email-addresses"),
    ("GET", "/email-addresses"),
    ("GET", "/email-addresses/{id}"),
    ("PATCH", "/email-addresses/{id}"),
    ("POST", "/email-addresses/{id}/test"),
    ("GET", "/email-addresses/{id}/deliveries"),
    ("DELETE", "/email-addresses/{id}"),
]
