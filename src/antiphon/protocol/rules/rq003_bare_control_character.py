"""A string has a line break, a tab or another control character as it is, where JSON wants it escaped."""

import json
import re

from antiphon.protocol.json_text import NOT_JSON, STRINGS
from antiphon.protocol.rule import BodyRule, Fault, Source

_CONTROL = re.compile(r"[\x00-\x1f]")


def _find(text: str) -> Fault | None:
    # A body that is laid out over lines has control characters as well; few are, and most have none at all.
    for string in STRINGS.finditer(text) if _CONTROL.search(text) else ():
        found = _CONTROL.search(text, string.start(), string.end())
        if found:
            return Fault("unexpected control character in string", found.start())
    return None


def _mend(text: str) -> str:
    return STRINGS.sub(lambda string: _CONTROL.sub(lambda found: json.dumps(found[0])[1:-1], string[0]), text)


BARE_CONTROL_CHARACTER = BodyRule(
    id="RQ003",
    name="bare-control-character",
    statement="Control characters in strings are escaped.",
    source=Source("documented", ("https://www.rfc-editor.org/rfc/rfc8259",)),
    error=NOT_JSON,
    find=_find,
    mend=_mend,
    done="escaped the control characters",
)
