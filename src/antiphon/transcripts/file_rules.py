"""What can be wrong with a file itself, whatever the conversation in it says.

These are not rules of an API, so they have no check and no repair of their own: whoever reads a format finds them, and
`Document.rendered` mends those that say so. Each has a page under `docs/rules` as all rules have.
"""

from dataclasses import dataclass

from antiphon.transcripts.document import Finding


@dataclass(frozen=True, slots=True)
class FileRule:
    """A rule about files.

    Attributes:
        id: FI and three digits, never reused.
        name: what is wrong, in kebab case.
        statement: what is wanted, as a sentence.
        mended: whether writing the file mends it.
        done: what writing does, for reports, where it mends.
    """

    id: str
    name: str
    statement: str
    mended: bool = False
    done: str = ""

    def finding(self, text: str, line: int | None = None) -> Finding:
        """Return what was found of it."""
        return Finding(self.id, text, line, self.mended)


TORN_LINE = FileRule(
    "FI001", "torn-line", "The last line of the file is whole.", mended=True, done="dropped what is left of the line"
)
LINE_NOT_JSON = FileRule("FI002", "line-not-json", "Every line of the file is a JSON value.")
DUPLICATE_UUID = FileRule(
    "FI003",
    "duplicate-uuid",
    "No two lines of a session have the same `uuid`.",
    mended=True,
    done="dropped the line where it is the same as the first, else gave it a uuid of its own",
)
DANGLING_PARENT = FileRule(
    "FI004",
    "dangling-parent",
    "The line that another line follows on is in the file.",
    mended=True,
    done="let the line follow on the message before it",
)
PARENT_CYCLE = FileRule(
    "FI005",
    "parent-cycle",
    "No line of a session follows on itself.",
    mended=True,
    done="let the line follow on the message before it",
)
LOST_BRANCH = FileRule("FI006", "lost-branch", "What followed on a result of the session is part of the session.")
UNCLOSED_ARRAY = FileRule(
    "FI007",
    "unclosed-array",
    "The file is written to its end.",
    mended=True,
    done="closed the array behind the last element that is whole",
)
NOT_UTF8 = FileRule(
    "FI008", "bytes-not-utf8", "The file is UTF-8.", mended=True, done="put U+FFFD in place of the bytes"
)
CALL_LEFT_OPEN = FileRule(
    "FI009",
    "call-left-open",
    "No tool call of a session that is not running is pending or running.",
    mended=True,
    done="marked the call as failed, without a recorded result",
)
INTERRUPTED_WRITE = FileRule("FI010", "interrupted-write", "The file that its program reads is there.")

FILE_RULES: tuple[FileRule, ...] = (
    TORN_LINE,
    LINE_NOT_JSON,
    DUPLICATE_UUID,
    DANGLING_PARENT,
    PARENT_CYCLE,
    LOST_BRANCH,
    UNCLOSED_ARRAY,
    NOT_UTF8,
    CALL_LEFT_OPEN,
    INTERRUPTED_WRITE,
)
"""All rules about files."""
