"""HTTP connections that go only where they may."""

import ssl
from functools import lru_cache

import httpx2

from antiphon.policy.addresses import Addresses

_CONNECT_SECONDS = 5.0
"""Seconds for one address, so that one that does not answer leaves time for the next."""


class CheckedTransport(httpx2.AsyncBaseTransport):
    """Connects every request, each redirect's too, to an address that was checked a moment before.

    The host is looked up here and replaced by its address; name, `Host` header and certificate stay the host's. No
    connection serves two requests, so none can reach a host by way of another's. Proxies are not used: they would look
    the host up themselves.
    """

    def __init__(self, addresses: Addresses, verify: ssl.SSLContext | None = None) -> None:
        self._addresses = addresses
        self._inner = httpx2.AsyncHTTPTransport(
            verify=verify or _public_certificates(),
            trust_env=False,
            limits=httpx2.Limits(max_keepalive_connections=0),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request.

        Raises:
            ForbiddenAddress: the host may not be reached.
            httpx2.TransportError: it could not be.
        """
        host = request.url.raw_host.decode("ascii")
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        try:
            addresses = await self._addresses.of(host, port)
        except (OSError, UnicodeError) as error:  # the latter: a label that no name can have
            raise httpx2.ConnectError(f"{host} was not found ({error})", request=request) from error
        failure: httpx2.TransportError | None = None
        for address in addresses:
            try:
                return await self._inner.handle_async_request(_to(request, address, host))
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                failure = error
        raise failure or httpx2.ConnectError(f"{host} has no address", request=request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def _to(request: httpx2.Request, address: str, host: str) -> httpx2.Request:
    """Return the same request, to one address."""
    timeout = {**request.extensions.get("timeout", {}), "connect": _CONNECT_SECONDS}
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host, "timeout": timeout},
    )


@lru_cache(maxsize=1)
def _public_certificates() -> ssl.SSLContext:
    """Make the context once: reading all certificates takes longer than many a page."""
    return httpx2.create_ssl_context()
