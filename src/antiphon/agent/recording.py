"""What an agent tells its session's log; an agent without a session tells nobody."""

from antiphon.protocol.messages import Json
from antiphon.sessions.records import Configured, Record, TurnBegan
from antiphon.sessions.session import Session


class Recorder:
    """Writes to the log of a session, or nowhere.

    Attributes:
        session: the session, or None.
    """

    def __init__(self, session: Session | None = None) -> None:
        """Record in this session from here on."""
        self.session = session
        self._params = session.found.params if session is not None else None
        self._turns = session.found.turns if session is not None else 0

    def __call__(self, record: Record) -> None:
        """Append a record. Never raises; see `require_written`."""
        if self.session is not None:
            self.session.record(record)

    def configured(self, params: Json) -> None:
        """Say which parameters requests have from here on, where they are not those of before."""
        if params != self._params:
            self._params = params
            self(Configured(params))

    def turn_began(self, limit: int) -> None:
        """Say that a request goes out; the engine's events that follow belong to it."""
        self._turns += 1
        self(TurnBegan(self._turns, limit))

    def require_written(self) -> None:
        """Make sure that all of it is in the file: what comes next must not happen unrecorded.

        Raises:
            SessionError: it is not, and says why.
        """
        if self.session is not None:
            self.session.require_written()
