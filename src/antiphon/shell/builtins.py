"""Which builtins of bash run, or may run, something that their words do not show.

Bash evaluates arithmetic where it expects the subscript of an array, and runs the substitutions that it finds there,
though they stood in single quotes: `declare -i`, `let`, `test -v 'a[$(rm x)]'`. Other builtins let later commands be
something else than their names say.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from antiphon.shell.script import Word

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DECLARES = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\+?=.*)?", re.DOTALL)
_DECLARES_UNKNOWN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_UNARY = frozenset(f"-{letter}" for letter in "abcdefghkprstuwxGLNOSzno")
_BINARY = frozenset("= == != < > -eq -ne -lt -le -gt -ge -nt -ot -ef".split())  # noqa: SIM905  (reads best so)
_BEFORE_TEXT = _BINARY | _UNARY
_NUMBERS = frozenset({"$?", "$#", "$!"})
"""Expansions that are one word and a number."""


def may_run_more(words: Sequence[Word]) -> bool:
    """Tell whether a command is a builtin that may run more than its words show. Its name is known."""
    plain = _BUILTINS.get(words[0].text or "")
    return plain is not None and len(words) > 1 and not plain(words[1:])


def _is_name(word: Word) -> bool:
    return word.text is not None and not word.glob and _NAME.fullmatch(word.text) is not None


def _is_option(word: Word) -> bool:
    return word.text is not None and not word.glob and word.text[:1] in {"-", "+"}


def _never(arguments: Sequence[Word]) -> bool:
    del arguments
    return False


def _declares(arguments: Sequence[Word]) -> bool:
    return all(map(_declares_plainly, arguments))


def _declares_plainly(word: Word) -> bool:
    if _is_option(word):
        # i: values are arithmetic. n: values are names, whose subscripts are. a, A: even a list in quotes expands.
        return not set(word.text or "") & set("inaA")
    if word.text is None:
        return _DECLARES_UNKNOWN.match(word.raw) is not None
    return _DECLARES.fullmatch(word.text) is not None and not word.glob


def _tests(arguments: Sequence[Word]) -> bool:
    """`-v` and `-R` evaluate the name that follows; no unknown word may stand where they could."""
    texts = ["", *(word.text for word in arguments), ""]
    for before, word, after in zip(texts, arguments, texts[2:], strict=False):
        if word.text is not None:
            if word.text in {"-v", "-R"} and (after is None or not _NAME.fullmatch(after)):
                return False
        elif (word.raw not in _NUMBERS and not word.raw.startswith('"')) or (
            before not in _BINARY | _UNARY and after not in _BINARY
        ):
            return False
    return True


def _takes_names(arguments: Sequence[Word]) -> bool:
    return all(_is_name(word) or _is_option(word) for word in arguments)


def _maps(arguments: Sequence[Word]) -> bool:
    return _takes_names(arguments) and not any(_is_option(word) and "C" in word.raw for word in arguments)


def _prints(arguments: Sequence[Word]) -> bool:
    """`-v` names a variable; all else is text."""
    form = arguments[0]
    known = re.match(r'"[^-$`\\]', form.raw) if form.text is None else not form.text.startswith("-v")
    return bool(known) and not form.glob


def _waits(arguments: Sequence[Word]) -> bool:
    return all(word.raw in _NUMBERS if word.text is None else not word.text.startswith("-p") for word in arguments)


def _without(*options: str) -> Callable[[Sequence[Word]], bool]:
    def plain(arguments: Sequence[Word]) -> bool:
        return all(word.text is not None and not word.text.startswith(options) for word in arguments)

    return plain


def _sets(arguments: Sequence[Word]) -> bool:
    """Tracing expands the prompt for it, and what is in that."""
    return all(
        word.text is not None and word.text != "xtrace" and not (_is_option(word) and "x" in word.text)
        for word in arguments
    )


_BUILTINS: Mapping[str, Callable[[Sequence[Word]], bool]] = {
    **dict.fromkeys(("declare", "typeset", "local", "export", "readonly"), _declares),
    **dict.fromkeys(("test", "["), _tests),
    **dict.fromkeys(("read", "unset", "getopts"), _takes_names),
    **dict.fromkeys(("mapfile", "readarray"), _maps),
    # These run, or rename, what is not seen here.
    **dict.fromkeys(
        (".", "source", "alias", "bind", "compgen", "complete", "compopt", "enable", "fc", "jobs", "let"), _never
    ),
    "hash": _without("-p"),
    "printf": _prints,
    "set": _sets,
    "shopt": _without("expand_aliases"),
    "wait": _waits,
}
"""Tell of arguments whether they are plain."""
