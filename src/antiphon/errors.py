"""Everything Antiphon raises.

::

    AntiphonError
    ├── ConversationInvalid     our bug: we were about to send what the API refuses
    ├── ProviderError           the model's side failed
    │   ├── Unreachable         no answer: name, connection, timeout
    │   ├── Rejected            an answer that asking again will not change (most 4xx)
    │   ├── Overloaded          an answer that asking again may change (429, 5xx, 529)
    │   └── StreamBroken        the answer began and did not end
    ├── CompactionFailed        a conversation could not be summed up; it is as it was
    ├── CheckpointError         the files of a workspace cannot be kept or brought back
    │   └── GitMissing          there is no git to keep them with
    ├── SessionError            a stored session cannot be read, written or found
    └── SettingsError           a setting, flag or script cannot be used

A tool that fails raises none of these: its failure is a result the model reads.
"""

from typing import Any


class AntiphonError(Exception):
    """The base of all errors raised by Antiphon. The message says what the reader can do."""


class ConversationInvalid(AntiphonError):
    """A conversation that was about to be sent breaks a rule of the API.

    The agent never builds one: this is a bug in Antiphon (or in a conversation handed in by the caller).
    """


class ProviderError(AntiphonError):
    """The request to the model failed.

    Attributes:
        retryable: whether the same request may succeed later.
        retry_after: seconds the server asks to wait before that, or None.
        request_id: the API's id of the failed request, for its support, or None.
    """

    retryable: bool = False
    retry_after: float | None = None
    request_id: str | None = None


class Unreachable(ProviderError):
    """No answer arrived: the name did not resolve, the connection failed or timed out."""

    retryable = True


class Rejected(ProviderError):
    """The API answered with an error that the same request will meet again."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        error_type: str = "invalid_request_error",
        details: dict[str, Any] | None = None,
        request_id: str | None = None,
    ) -> None:
        """Keep the answer's parts: HTTP status, text, `error.type`, `error.details`, request id."""
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.details = details or {}
        self.request_id = request_id


class Overloaded(Rejected):
    """The API answered that it cannot serve this now: 408, 409, 429, 5xx, 529."""

    retryable = True


class StreamBroken(ProviderError):
    """A reply began and did not reach `message_stop`; nothing of it may be believed."""

    retryable = True


class CompactionFailed(AntiphonError):
    """A conversation could not be summed up, or would not have become shorter; it is as it was before."""


class CheckpointError(AntiphonError):
    """The state of a workspace's files cannot be kept, compared or brought back; the message says why."""


class GitMissing(CheckpointError):
    """The program `git`, which checkpoints are kept with, cannot be started."""


class SessionError(AntiphonError):
    """A stored session cannot be read, written or found; the message says which, why, and what to do."""


class SettingsError(AntiphonError):
    """A setting, a flag or a script cannot be used; the message names it and says what is wanted."""
