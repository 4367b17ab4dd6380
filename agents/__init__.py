"""The MCP server: language-model agents use the engine through it.

It is a process of its own, and a client of the REST API over HTTP, as the command line is. It
passes the caller's token on, so that authentication, ownership, validation and limits are the
API's.
"""
