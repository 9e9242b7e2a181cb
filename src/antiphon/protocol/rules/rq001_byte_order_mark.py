"""The body begins with a byte order mark, as some editors and shells put it before a file they write."""

from antiphon.protocol.json_text import NOT_JSON
from antiphon.protocol.rule import BodyRule, Fault, Source

_MARK = "\ufeff"


def _find(text: str) -> Fault | None:
    return Fault("byte order mark (BOM) is not supported", 0) if text.startswith(_MARK) else None


BYTE_ORDER_MARK = BodyRule(
    id="RQ001",
    name="byte-order-mark",
    statement="A body begins with its JSON, not with a byte order mark.",
    source=Source("documented", ("https://www.rfc-editor.org/rfc/rfc8259",)),
    error=NOT_JSON,
    find=_find,
    mend=lambda text: text.lstrip(_MARK),
    done="dropped the byte order mark",
)
