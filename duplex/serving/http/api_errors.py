"""Refusals: in the form of the page, {"error": "…"}, or of the OpenAI API for everything under `/v1/`."""

from __future__ import annotations

from aiohttp import web

from duplex.streaming.errors import DuplexError

PREFIX = "/v1/"

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_CODES = {401: "invalid_api_key", 429: "rate_limit_exceeded"}


class ApiError(DuplexError):
    """A request of a program that cannot be answered. status: of HTTP. param: the field that is wrong, if one is."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.param = param
        self.code = code
        self.status = status


def api_error(status: int, text: str, param: str | None = None, code: str | None = None) -> web.Response:
    """{"error": {message, type, param, code}}. Its type and, where none is given, its code follow from the status."""
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    told = {"message": _line(text), "type": kind, "param": param, "code": code or _CODES.get(status)}
    return web.json_response({"error": told}, status=status)


def error_response(path: str, status: int, text: str) -> web.Response:
    """In the form that whoever asks for this path expects."""
    if path.startswith(PREFIX):
        return api_error(status, text)
    return web.json_response({"error": _line(text)}, status=status)


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
