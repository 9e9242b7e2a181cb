"""A string has half of a surrogate pair: an emoji that was cut in two, mostly in the output of a tool."""

from collections.abc import Iterator

from antiphon.protocol.json_text import NOT_JSON, SURROGATES
from antiphon.protocol.rule import BodyRule, Fault, Source

_ESCAPE = len("\\ud800")


def _halves(text: str) -> Iterator[int]:
    if "\\ud" in text or "\\uD" in text:
        yield from (found.start() for found in SURROGATES.finditer(text) if found[1])


def _find(text: str) -> Fault | None:
    start = next(_halves(text), None)
    if start is None:
        return None
    if text[start + 3] in "cdefCDEF":
        return Fault("invalid high surrogate in string", start)
    end = start + _ESCAPE
    # Where another escape follows, the decoder tells of that one.
    followed = text[end : end + 2] == "\\u"
    return Fault("invalid low surrogate in string" if followed else "no low surrogate in string", end)


def _mend(text: str) -> str:
    return SURROGATES.sub(lambda found: "\\ufffd" if found[1] else found[0], text)


LONE_SURROGATE = BodyRule(
    id="RQ005",
    name="lone-surrogate",
    statement="Surrogates in strings come in pairs.",
    source=Source("reported", ("anthropics/claude-code#3277", "anthropics/claude-code#60394")),
    error=NOT_JSON,
    find=_find,
    mend=_mend,
    done="replaced the half character",
)
