"""Answers of the proxy's own, in the shape that clients of the API read."""

from typing import Any

import msgspec
from aiohttp import web

from antiphon.proxy.headers import SERVER
from antiphon.proxy.upstream import Endpoint

_OPENAI_SHAPED = frozenset({Endpoint.CHAT, Endpoint.RESPONSES})


class Refused(Exception):
    """A request is answered by the proxy itself."""

    def __init__(
        self, status: int, kind: str, text: str, *, details: dict[str, Any] | None = None, close: bool = False
    ) -> None:
        """Take the status, the API's `error.type`, the text, more for the client, and whether to hang up."""
        super().__init__(text)
        self.status = status
        self.kind = kind
        self.details = details
        self.close = close


def error_answer(refused: Refused, endpoint: Endpoint | None) -> web.Response:
    """Return the answer to a request that the proxy refuses."""
    error: dict[str, Any] = {"type": refused.kind, "message": str(refused)}
    if refused.details is not None:
        error["details"] = refused.details
    if endpoint in _OPENAI_SHAPED:
        body: dict[str, Any] = {"error": {**error, "param": None, "code": None}}
    else:
        body = {"type": "error", "error": error}
    answer = web.Response(status=refused.status, body=msgspec.json.encode(body), content_type="application/json")
    answer.headers["server"] = SERVER
    answer.headers["antiphon-error"] = refused.kind
    if refused.status == 503:
        answer.headers["retry-after"] = "1"
    if refused.status == 401:
        answer.headers["www-authenticate"] = 'Basic realm="antiphon"'
    if refused.close:
        answer.force_close()
    return answer
