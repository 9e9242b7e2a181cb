"""What is shown or written of a session goes without the secrets in it, unless the user wants them.

Sessions are read, piped, pasted and attached; what was printed once is out of hand.
"""

import argparse
import os
import sys
from typing import Self, TypeVar

from antiphon.redaction import Redactor

T = TypeVar("T")


class Withholding:
    """Takes secrets out of values, and says how many it took."""

    def __init__(self, redactor: Redactor | None) -> None:
        """Take them out with this; None leaves them in."""
        self._redactor = redactor

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Self:
        """Do as the flag says; the secrets of the environment are known by their values."""
        return cls(None if arguments.with_secrets else Redactor.of(os.environ))

    def __call__(self, value: T) -> T:
        """Return a text, a JSON value or records as they may be shown."""
        return value if self._redactor is None else self._redactor.redact_json(value)

    def tell(self) -> None:
        """Say on standard error how many secrets were taken out, if any were."""
        count = 0 if self._redactor is None else self._redactor.count
        if count:
            what = "1 secret was" if count == 1 else f"{count} secrets were"
            sys.stderr.write(f"antiphon: {what} taken out; --with-secrets leaves them in.\n")


def add_flag(parser: argparse.ArgumentParser, default: object = False) -> None:  # noqa: FBT002  (argparse's own way)
    """Describe the flag."""
    parser.add_argument(
        "--with-secrets", action="store_true", default=default, help="leave keys, tokens and passwords in"
    )
