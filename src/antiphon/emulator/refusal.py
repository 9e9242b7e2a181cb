"""The API's way to say no: an HTTP status and a JSON body."""

from antiphon.protocol.messages import Json

ERROR_TYPES = {
    400: ("invalid_request_error", "Bad request"),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your credit balance is too low to access the Anthropic API."),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "Not Found"),
    405: ("invalid_request_error", "Method Not Allowed"),
    408: ("timeout_error", "Request timed out"),
    409: ("conflict_error", "Conflict"),
    413: ("request_too_large", "Request exceeds the maximum allowed number of bytes."),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit. Please try again later."),
    500: ("api_error", "Internal server error"),
    502: ("api_error", "Bad gateway"),
    503: ("api_error", "Service unavailable"),
    504: ("timeout_error", "The request timed out."),
    529: ("overloaded_error", "Overloaded"),
}
"""Status: `error.type`, and the text where nothing better is known."""


class Refusal(Exception):
    """A request is not answered with a message but with an error.

    Attributes:
        status: the HTTP status.
        message: `error.message`.
        type: `error.type`.
        details: `error.details`, or None.
        rules: ids of the rules that the request breaks.
        headers: further headers.
        faulty: whether the request is at fault; False where clients ask and are prepared for a no.
    """

    def __init__(
        self,
        status: int,
        message: str | None = None,
        *,
        error_type: str | None = None,
        details: Json | None = None,
        rules: tuple[str, ...] = (),
        headers: dict[str, str] | None = None,
        faulty: bool = True,
    ) -> None:
        """Fill in the API's usual type and text for the status."""
        known_type, known_message = ERROR_TYPES.get(status, ("api_error", "Error"))
        self.status = status
        self.type = error_type or known_type
        self.message = message or known_message
        self.details = details
        self.rules = rules
        self.headers = headers or {}
        self.faulty = faulty
        super().__init__(self.message)

    def body(self, request_id: str) -> Json:
        """Return the JSON of the answer."""
        return {**error_body(self.type, self.message, self.details), "request_id": request_id}


def error_body(error_type: str, message: str, details: Json | None = None) -> Json:
    """Return an error as responses and streams carry it."""
    error: Json = {"type": error_type, "message": message}
    if details is not None:
        error["details"] = details
    return {"type": "error", "error": error}
