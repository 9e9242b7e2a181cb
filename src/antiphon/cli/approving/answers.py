"""What a line means that a person types while calls wait for them. Pure.

A call is allowed by a line only if the line names its number, or names none while the call is one of those a bare
answer is about. Whatever is not understood to its end allows nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NUMBERS = re.compile(r"[0-9]{1,6}(?:-[0-9]{1,6})?(?:[\s,]+[0-9]{1,6}(?:-[0-9]{1,6})?)*")
_UNFINISHED = frozenset("0123456789-,")
_WORD = re.compile(r"([a-z?]+)[,.:]?(?=\s|$)")
_WORDS = {
    "y": "y",
    "yes": "y",
    "n": "n",
    "no": "n",
    "a": "a",
    "always": "a",
    "d": "d",
    "details": "d",
    "s": "s",
    "stop": "s",
    "?": "?",
    "h": "?",
    "help": "?",
}


@dataclass(frozen=True, slots=True)
class Allow:
    """Run these calls."""

    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Deny:
    """Do not run these calls, and tell the model why."""

    numbers: tuple[int, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Always:
    """Run this call, and from now on all that a rule covers: the one that was written, or the one suggested."""

    number: int
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Details:
    """Show everything of this call."""

    number: int


@dataclass(frozen=True, slots=True)
class ShowAll:
    """Show the list as it is now."""


@dataclass(frozen=True, slots=True)
class StopTurn:
    """Run none of them, and stop the turn."""


@dataclass(frozen=True, slots=True)
class Help:
    """Say what can be answered."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """It is no answer; `why` says what is wrong, for the person."""

    why: str


Answer = Allow | Deny | Always | Details | ShowAll | StopTurn | Help | Unclear


def parse_answer(line: str, named: Sequence[int], meant: Sequence[int]) -> Answer:
    """Return what a line means.

    Args:
        line: what was typed.
        named: the numbers of the calls that may be named: those that were shown when the person was asked.
        meant: those of them that an answer without numbers is about.
    """
    text = line.strip()
    if not text:
        return ShowAll()
    given = _leading_numbers(text)
    word, rest = _first_word(text[len(given) :].strip())
    if not given and word in {"y", "n", "d", "a"}:
        given = _leading_numbers(rest)
        if given == rest:
            rest = ""  # `y 1 3` is `1 3 y`
        elif given and word == "n" and len(meant) > 1:
            return Unclear(f"Is {given} a call or a part of the reason? For the call: {given} n and why.")
        else:
            given = ""
    if not given:
        return _answer(word, tuple(meant), rest)
    chosen, missing = _chosen(given, named)
    if missing:
        return Unclear(f"{', '.join(missing)} does not wait for you.")
    if word in {"s", "?"}:
        return Unclear("That is about all calls and takes no numbers.")
    return _answer(word or ("" if rest else "d"), chosen, rest)


def _answer(word: str, numbers: tuple[int, ...], rest: str) -> Answer:  # noqa: PLR0911  (one return per word)
    if word == "n":
        return Deny(numbers, rest)
    if word == "a" and len(numbers) == 1:
        return Always(numbers[0], rest)
    if word == "a":
        return Unclear("A rule is written for one call at a time: its number, then a.")
    if rest or not word:
        return Unclear("That is no answer; ? shows what is.")
    match word:
        case "y":
            return Allow(numbers)
        case "d":
            return Details(numbers[0]) if len(numbers) == 1 else Unclear("Details of which one? d and its number.")
        case "s":
            return StopTurn()
        case _:
            return Help()


def _leading_numbers(text: str) -> str:
    """Return the numbers that a text begins with, as they are written; an empty text where none or half of one is."""
    found = _NUMBERS.match(text)
    return "" if found is None or text[found.end() : found.end() + 1] in _UNFINISHED else found[0]


def _first_word(text: str) -> tuple[str, str]:
    """Return the word that says what to do, or an empty text, and what follows it."""
    found = _WORD.match(text.lower())
    word = _WORDS.get(found[1], "") if found is not None else ""
    return (word, text[found.end() :].strip()) if found is not None and word else ("", text)


def _chosen(given: str, named: Sequence[int]) -> tuple[tuple[int, ...], list[str]]:
    """Return the calls that are named, in their order, and what names none."""
    chosen: set[int] = set()
    missing: list[str] = []
    for part in given.replace(",", " ").split():
        first, _, last = part.partition("-")
        found = [number for number in named if int(first) <= number <= int(last or first)]
        chosen.update(found)
        if not found:
            missing.append(part)
    return tuple(number for number in named if number in chosen), missing
