"""The proxy's own pages: health, notes, metrics, and a status page for people."""

import secrets
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import msgspec
from aiohttp import web

from antiphon.proxy.answers import Refused
from antiphon.proxy.headers import SERVER
from antiphon.proxy.metrics import Metrics, exposition
from antiphon.proxy.notes import Notes
from antiphon.proxy.security import OWN_PAGES
from antiphon.proxy.upstream import Upstream

_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_SHOWN_NOTES = 50


class Pages:
    """Answers requests for the proxy's own pages. None of them changes anything."""

    def __init__(self, metrics: Metrics, notes: Notes, upstreams: tuple[Upstream, ...], *, cache: bool) -> None:
        """Take what there is to show."""
        self._metrics = metrics
        self._notes = notes
        self._upstreams = upstreams
        self._cache = cache
        self._page = ""
        self.ready = False
        self.in_flight = 0
        self.remembered = 0

    def answer(self, method: str, path: str) -> web.Response:
        """Return a page.

        Raises:
            Refused: there is no such page, or no such method.
        """
        if method not in {"GET", "HEAD"}:
            raise Refused(405, "invalid_request_error", "The proxy's own pages are only read.")
        match path.removeprefix(OWN_PAGES).rstrip("/"):
            case "":
                return self._status_page()
            case "/status":
                return _json(self._status())
            case "/notes":
                return _json({"notes": [exchange.as_json() for exchange in self._notes]})
            case "/metrics":
                text = exposition(self._metrics, self.in_flight, self.remembered)
                return _answer(text.encode(), _PROMETHEUS)
            case "/health" | "/health/ready":
                return _json({"status": "ok" if self.ready else "starting"}, 200 if self.ready else 503)
            case "/health/live":
                return _json({"status": "ok"})
            case _:
                raise Refused(404, "not_found_error", f"The proxy has no page {path[:100]}.")

    def _status(self) -> dict[str, Any]:
        latest = [exchange.as_json() for exchange, _ in zip(self._notes, range(_SHOWN_NOTES), strict=False)]
        upstreams = [
            {"prefix": upstream.prefix or "/", "url": upstream.url, "profile": upstream.profile.name}
            for upstream in self._upstreams
        ]
        return {
            "version": version("antiphon"),
            "upstreams": upstreams,
            "cache": self._cache,
            "bytes_in_flight": self.in_flight,
            **self._metrics.as_json(),
            # Without the request for this, which is answered at once: there is never another of its kind.
            "active": self._metrics.active - 1,
            "notes": latest,
        }

    def _status_page(self) -> web.Response:
        if not self._page:
            self._page = files("antiphon.proxy").joinpath("page.html").read_text(encoding="utf-8")
        nonce = secrets.token_urlsafe(16)
        answer = _answer(self._page.replace("{{nonce}}", nonce).encode(), "text/html; charset=utf-8")
        answer.headers["content-security-policy"] = (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self';"
            " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return answer


def _json(value: dict[str, Any], status: int = 200) -> web.Response:
    return _answer(msgspec.json.encode(value), "application/json", status)


def _answer(body: bytes, kind: str, status: int = 200) -> web.Response:
    headers = {
        "content-type": kind,
        "server": SERVER,
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }
    return web.Response(body=body, status=status, headers=headers)
