"""What the emulator was asked and what it answered, for tests and for a log file."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

import anyio

from antiphon.errors import SettingsError
from antiphon.protocol.messages import Json

Outcome = Literal["pending", "complete", "cut", "disconnected", "stopped"]

_SECRETS = frozenset({"x-api-key", "authorization"})


@dataclass(slots=True, eq=False)
class Record:
    """One request and its answer. `record["messages"]` reads the request's body.

    Attributes:
        method: `POST`, ...
        path: without the query.
        headers: of the request, names in lower case.
        body: the JSON of the request, or None if there was none that could be read.
        request_id: the answer's `request-id`.
        status: the answer's HTTP status.
        refused: whether the emulator refused the request for what it held. A status that a script asked for does
            not count, nor does the refusal of a server-held thread, on which clients fall back.
        rules: ids of the rules that it broke.
        text: the error's text.
        message: the message that was replied, or None.
        received: seconds by the emulator's clock.
        first_byte: likewise, None until then.
        finished: likewise.
        outcome: `complete`, `cut` by the script, `disconnected` by the client, or `stopped` with the emulator.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    received: float
    body: Json | None = None
    request_id: str = ""
    status: int = 0
    refused: bool = False
    rules: tuple[str, ...] = ()
    text: str | None = None
    message: Json | None = None
    first_byte: float | None = None
    finished: float | None = None
    outcome: Outcome = "pending"

    def __getitem__(self, key: str) -> Any:
        return (self.body or {})[key]

    def as_json(self) -> Json:
        """Return the record as a line of the log holds it, without keys and tokens."""
        headers = {name: "***" if name in _SECRETS else value for name, value in self.headers.items()}
        return {
            "request": {"method": self.method, "path": self.path, "headers": headers, "body": self.body},
            "verdict": {
                "status": self.status,
                "refused": self.refused,
                "rules": list(self.rules),
                "text": self.text,
                "request_id": self.request_id,
            },
            "reply": self.message,
            "outcome": self.outcome,
            "received": self.received,
            "first_byte": self.first_byte,
            "finished": self.finished,
        }


class Records:
    """All records, in the order the requests arrived; finished ones are also written to the log, a line each.

    Attributes:
        all: the records.
    """

    def __init__(
        self, log: Path | None = None, told: Callable[[Record], None] | None = None, keep: int | None = None
    ) -> None:
        """Take a file to append to, whom to tell of each finished record, and how many keep what was sent."""
        self.all: list[Record] = []
        self._log = log
        self._told = told
        self._keep = keep
        self._file: TextIO | None = None
        self._changes: set[anyio.Event] = set()

    def open(self) -> None:
        """Open the log, if there is one.

        Raises:
            SettingsError: the file cannot be written.
        """
        if self._log is not None and self._file is None:
            try:
                self._file = self._log.open("a", encoding="utf-8")
            except OSError as error:
                raise SettingsError(f"cannot write the log {self._log}: {error.strerror}") from error

    def add(self, record: Record) -> None:
        """Keep the record of a request that has just arrived."""
        self.all.append(record)
        if self._keep is not None and len(self.all) > self._keep:
            oldest = self.all[-self._keep - 1]
            oldest.body = oldest.message = None
        self.changed()

    def finish(self, record: Record) -> None:
        """Write a finished record to the log if it is open, and tell of it."""
        if self._file is not None:
            self._file.write(json.dumps(record.as_json(), ensure_ascii=True) + "\n")
            self._file.flush()
        if self._told is not None:
            self._told(record)
        self.changed()

    def changed(self) -> None:
        """Wake those who wait for something about the records."""
        for change in self._changes:
            change.set()
        self._changes.clear()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds that only a change of the records can bring about."""
        while not condition():
            change = anyio.Event()
            self._changes.add(change)
            await change.wait()

    def close(self) -> None:
        """Close the log."""
        if self._file is not None:
            self._file.close()
            self._file = None
