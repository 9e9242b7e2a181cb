"""Which expansions of parameters and of arithmetic do nothing but give text.

Bash evaluates the values of variables as programs in places where nobody looks for it: an arithmetic expression reads
variables, their values are expressions again, and a subscript in one may be `a[$(rm x)]`; `${x@P}` and `${!x}` do so
too. So a name in arithmetic, and every form of `${...}` that is not listed here, is not understood.
"""

import re
from collections.abc import Sequence

from antiphon.shell.words import Hole

# Not `!`: before a name, or another of these, it looks up what that names.
_PARAMETER = r"(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$\-])"
_SIMPLE = re.compile(r"\$(?:[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!\-])")
_PLAIN = r"[A-Za-z0-9_./:@%+,=\-* ?^~]"
_BRACED = re.compile(
    rf"""\$\{{(?:
    \#?{_PARAMETER}
    | \#?[A-Za-z_][A-Za-z0-9_]*\[[@*0-9]+\]
    | {_PARAMETER}:[ ]?-?[0-9]+(?::-?[0-9]+)?
    | {_PARAMETER}(?:\#\#?|%%?|\^\^?|,,?){_PLAIN}*
    | {_PARAMETER}/[/\#%]?{_PLAIN}*
    )\}}""",
    re.VERBOSE,
)
_DEFAULT = re.compile(rf"\$\{{({_PARAMETER})(:?[-=+?])((?:{_PLAIN}|[\"\n])*)\}}")
_ARITHMETIC = re.compile(r"(?:[0-9 \t\n+\-*/%()<>=!&|^~?:,]|\$#|\$\?)*")


def is_simple(raw: str) -> bool:
    """Tell whether a text is the expansion of one parameter, without braces."""
    return _SIMPLE.fullmatch(raw) is not None


def is_braced(raw: str) -> bool:
    """Tell whether a text is an expansion with braces that runs nothing and sets nothing."""
    return _BRACED.fullmatch(raw) is not None


def default_of(raw: str, holes: Sequence[Hole]) -> tuple[str, str] | None:
    """Return parameter and operator of an expansion with a default, such as `${x:-$(date)}`; None if it is none.

    Args:
        raw: its text.
        holes: expansions in its default, to be read elsewhere.
    """
    rest = list(raw)
    for start, end in holes:
        rest[start:end] = [" "] * (end - start)
    text = "".join(rest)
    found = _DEFAULT.fullmatch(text)
    return None if found is None or found[3].count('"') % 2 else (found[1], found[2])


def is_calculation(raw: str) -> bool:
    """Tell whether an arithmetic expression consists of numbers and operators."""
    return _ARITHMETIC.fullmatch(raw) is not None
