"""Takes secrets out of text that leaves the place where it was made: exports, traces, logs, reports."""

from antiphon.redaction.names import looks_secret
from antiphon.redaction.redactor import Redactor
from antiphon.redaction.tracebacks import redacted_traceback

__all__ = ["Redactor", "looks_secret", "redacted_traceback"]
