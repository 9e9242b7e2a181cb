"""What may stand in `[[ ... ]]`, where bash evaluates some words as arithmetic, and so may run what is in them."""

import re
from collections.abc import Sequence
from itertools import pairwise

from antiphon.shell.words import Unclear

CONDITION_SIGNS = frozenset({"[[", "]]", "(", ")", "!", "&&", "||", "<", ">", "=", "==", "!=", "=~"})
_NUMBER = re.compile(r"-?[0-9]+|\$#|\$\?|\"(?:\$#|\$\?)\"")
_COMPARES_NUMBERS = frozenset({"-eq", "-ne", "-lt", "-le", "-gt", "-ge"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PATTERN = re.compile(r"(?:[A-Za-z0-9_.^*+?|()\[\]{}\-/:@%,=~!]|\\[^\s$`\"']|\$(?=$|[|)]))+")


def check_condition(raws: Sequence[str]) -> None:
    """Make sure that no word of a condition is evaluated but numbers and names.

    Raises:
        Unclear: one may be.
    """
    for before, word, after in zip(raws, raws[1:], raws[2:], strict=False):
        if word in _COMPARES_NUMBERS and not (_NUMBER.fullmatch(before) and _NUMBER.fullmatch(after)):
            raise Unclear
    for word, after in pairwise(raws):
        if word in {"-v", "-R"} and not _NAME.fullmatch(after):
            raise Unclear


def is_pattern(raw: str) -> bool:
    """Tell whether a pattern or regular expression has no expansions and no quotes."""
    return _PATTERN.fullmatch(raw) is not None and _is_balanced(re.sub(r"\\.", "", raw))


def _is_balanced(raw: str) -> bool:
    depth = 0
    for character in raw:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return depth == 0
