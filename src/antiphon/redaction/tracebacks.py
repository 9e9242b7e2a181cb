"""An exception as it may go into a bug report."""

import traceback
from collections.abc import Mapping

from antiphon.redaction.redactor import Redactor


def redacted_traceback(error: BaseException, environment: Mapping[str, str]) -> str:
    """Return the traceback of an exception as Python prints it, without the secrets of an environment or of any shape.

    Messages of exceptions quote what they are about: a header, a URL with a password, a line of a file.
    """
    return Redactor.of(environment).redact("".join(traceback.format_exception(error)))
