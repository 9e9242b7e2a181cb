"""One HTTP request and its streamed answer, on httpx2: connections, proxies, timeouts, and names for their failures.

Knows nothing of models. Is imported on use: httpx2 is a good part of what the command line takes to start.
"""

import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, asynccontextmanager

import httpx2

from antiphon.errors import ProviderError, SettingsError, StreamBroken, Unreachable
from antiphon.providers.answer import Answer

CONNECT_TIMEOUT = 5.0
"""Seconds until a server that does not answer a call is given up."""
MOST_IDLE = 8
"""Connections that are kept. A run uses one, and one more for each subagent; httpx2 gets slower with each one kept."""
LONGEST_IDLE = 60.0
"""Seconds. Tools may work for a while between two turns; a new connection costs two round trips and a handshake."""

_LIMITS = httpx2.Limits(max_connections=None, max_keepalive_connections=MOST_IDLE, keepalive_expiry=LONGEST_IDLE)


class HttpTransport:
    """Sends requests over kept connections. Obeys the proxy variables of the environment."""

    def __init__(self, timeout: float, *, secure: bool = True) -> None:
        """Prepare a transport that waits `timeout` seconds for the next bytes of an answer.

        Without `secure` no certificates are read, which is a good part of what a start costs; https then fails.

        Raises:
            SettingsError: a proxy variable of the environment cannot be used.
        """
        self._timeout = timeout
        try:
            self._client = httpx2.AsyncClient(
                verify=httpx2.create_ssl_context() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
                timeout=httpx2.Timeout(timeout, connect=CONNECT_TIMEOUT),
                limits=_LIMITS,
                follow_redirects=True,
                event_hooks={"response": [_stay_with_the_server]},
            )
        except (ImportError, ValueError) as error:
            raise SettingsError(f"A proxy that the environment names cannot be used: {error}") from error

    @asynccontextmanager
    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> AsyncGenerator[Answer, None]:
        """Send a request and yield its answer as soon as the headers are there.

        Leaving the context before the body has ended closes the connection.

        Raises:
            Unreachable: no answer arrived.
        """
        request = self._client.build_request("POST", url, headers=dict(headers), content=body)
        try:
            response = await self._client.send(request, stream=True)
        except httpx2.HTTPError as error:
            raise self._unreachable(error, request.url) from error
        try:
            async with aclosing(chunks_of(response)) as chunks:
                yield Answer(_name(request.url), response.status_code, response.headers, chunks)
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        """Close idle connections."""
        await self._client.aclose()

    def _unreachable(self, error: httpx2.HTTPError, url: httpx2.URL) -> ProviderError:
        server = _name(url)
        if isinstance(error, httpx2.ConnectTimeout):
            found = Unreachable(f"{server} cannot be reached: no connection within {CONNECT_TIMEOUT:g} seconds.")
        elif isinstance(error, httpx2.TimeoutException):
            found = Unreachable(f"{server} did not answer within {self._timeout:g} seconds.")
        elif isinstance(error, httpx2.ConnectError):
            found = Unreachable(f"{server} cannot be reached: {_reason(error)}.")
        elif isinstance(error, httpx2.ProxyError):
            found = Unreachable(f"{server} cannot be reached through the proxy: {_reason(error)}.")
        else:
            found = Unreachable(f"{server} did not answer: {_reason(error)}.")
        # A certificate that does not hold, or a request that cannot be written, stays so.
        final = (httpx2.LocalProtocolError, httpx2.TooManyRedirects, httpx2.UnsupportedProtocol)
        found.retryable = not isinstance(error, final) and not _is_about_a_certificate(error)
        return found


async def _stay_with_the_server(response: httpx2.Response) -> None:
    """Refuse to be sent to another server: the key is not for it, nor is what was said.

    Raises:
        Unreachable: the answer is a redirect to one.
    """
    if not response.has_redirect_location:
        return
    url = response.request.url
    target = url.join(response.headers["location"])
    if (target.scheme, target.host, target.port) != (url.scheme, url.host, url.port):
        refused = Unreachable(
            f"{_name(url)} sends requests on to {target.scheme}://{_name(target)}, which your key is not for. "
            "If it is right, set ANTHROPIC_BASE_URL to it."
        )
        refused.retryable = False
        raise refused


async def chunks_of(response: httpx2.Response) -> AsyncGenerator[bytes, None]:
    """Yield the body of a response as it arrives.

    Raises:
        StreamBroken: it does not arrive.
    """
    try:
        async with aclosing(response.aiter_bytes()) as chunks:
            async for chunk in chunks:
                yield chunk
    except httpx2.ReadTimeout as error:
        raise StreamBroken("The reply stopped: nothing more arrived within the timeout.") from error
    except httpx2.HTTPError as error:
        raise StreamBroken(f"The connection broke while the reply arrived: {_reason(error)}.") from error


def _name(url: httpx2.URL) -> str:
    return url.netloc.decode()


def _reason(error: BaseException) -> str:
    return str(error).rstrip(".") or type(error).__name__


def _is_about_a_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
