"""The HTTP side of the service. No other package knows a status code."""

# Before every path, "/v1" for example. Empty: paths stand as the routes write them.
PREFIX = ""
