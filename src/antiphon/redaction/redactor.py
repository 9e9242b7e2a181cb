"""Takes secrets out of texts and leaves a mark in the place of each.

Works on whole texts: a secret that comes in two pieces is two harmless texts to it. Whoever cuts a text redacts it
first. Knows nothing of who asks.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Self, TypeVar, cast

from antiphon.redaction import context
from antiphon.redaction.families import FAMILIES
from antiphon.redaction.known import forms_of, places
from antiphon.redaction.names import looks_secret, worth_knowing

T = TypeVar("T")

_MARK = re.compile(r"(\[redacted: [\w .-]{1,100}\])")
_SHORTEST = 6
_MOST_PASSES = 8
_DEEPEST = 150
_TOO_DEEP = "[left out: nested too deeply to look for secrets]"

_Span = tuple[int, int, str, str]
"""from, to, what the mark says, and what makes two of them the same secret"""


class Redactor:
    """Takes out secrets that are known by their value, by their shape, or by what stands before them.

    The same secret always leaves the same mark, `[redacted: GitHub token 1]`, so a reader can tell two apart. What was
    redacted once stays as it is when it is redacted again.
    """

    def __init__(self, known: Mapping[str, str] | None = None) -> None:
        """Prepare.

        Args:
            known: secrets by the names their marks get; those that could be a word of any text are not looked for.
        """
        self._known = [
            (form, f"value of {re.sub(r'[^A-Za-z0-9_.-]', '_', name)[:60]}", value)
            for name, value in (known or {}).items()
            if worth_knowing(value)
            for form in forms_of(value)
        ]
        self._marks: dict[tuple[str, str], str] = {}
        self._counts: Counter[str] = Counter()

    @classmethod
    def of(cls, environment: Mapping[str, str], known: Mapping[str, str] | None = None) -> Self:
        """Return one that knows the secrets of an environment, and others by name."""
        found: dict[str, str] = {}
        for name, value in environment.items():
            if looks_secret(name, value):
                found |= {name: value, **_values_of_headers(name, value)}
        return cls({**found, **(known or {})})

    @property
    def count(self) -> int:
        """How many different secrets were taken out so far."""
        return len(self._marks)

    def redact(self, text: str) -> str:
        """Return a text without secrets; one that holds none is returned as it is."""
        for _ in range(_MOST_PASSES):
            # What stands beside a mark can come to look like a secret when the other one is gone.
            redacted = self._pass(text)
            if redacted == text:
                break
            text = redacted
        return text

    def redact_json(self, value: T) -> T:
        """Return a JSON value, or a dataclass, tuple or set of such, without secrets in its strings and keys.

        A string is also a secret where its key says so. Never changes its argument. What is nested too deeply is left
        out.
        """
        return self._walk(value, 0)

    def _walk(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self.redact(value)
        if depth > _DEEPEST:
            return _TOO_DEEP if isinstance(value, dict | list | tuple | frozenset) else value
        if isinstance(value, dict):
            table = cast("dict[Any, Any]", value)
            return {self._walk(key, depth): self._field(key, item, depth + 1) for key, item in table.items()}
        if isinstance(value, list | tuple | frozenset):
            items = [self._walk(item, depth + 1) for item in cast("list[Any]", value)]
            return (
                items if isinstance(value, list) else frozenset(items) if isinstance(value, frozenset) else tuple(items)
            )
        if is_dataclass(value) and not isinstance(value, type):
            names = [field.name for field in fields(value) if field.init]
            return replace(value, **{name: self._walk(getattr(value, name), depth + 1) for name in names})
        return value

    def _field(self, key: Any, value: Any, depth: int) -> Any:
        if not isinstance(value, str):
            return self._walk(value, depth)
        redacted = self.redact(value)
        if redacted == value and isinstance(key, str) and not _MARK.search(value) and context.named_secret(key, value):
            return self._mark("secret", value)
        return redacted

    def _pass(self, text: str) -> str:
        if len(text) < _SHORTEST:
            return text
        if "[redacted: " not in text:
            return self._piece(text)
        parts = _MARK.split(text)
        return "".join(part if number % 2 else self._piece(part) for number, part in enumerate(parts))

    def _piece(self, text: str) -> str:
        spans = _merged(list(self._spans(text)))
        if not spans:
            return text
        made: list[str] = []
        place = 0
        for start, end, label, key in spans:
            made += [text[place:start], self._mark(label, key)]
            place = end
        return "".join([*made, text[place:]])

    def _spans(self, text: str) -> Iterator[_Span]:
        for form, label, value in self._known:
            for start, end in places(text, form):
                yield start, end, label, value
        for family in FAMILIES:
            for start, end in family.spans(text):
                yield start, end, family.label, text[start:end]
        for start, end, label in context.spans(text):
            yield start, end, label, text[start:end]

    def _mark(self, label: str, key: str) -> str:
        mark = self._marks.get((label, key))
        if mark is None:
            self._counts[label] += 1
            number = "" if label.startswith("value of ") else f" {self._counts[label]}"
            mark = self._marks[label, key] = f"[redacted: {label}{number}]"
        return mark


def _values_of_headers(name: str, value: str) -> dict[str, str]:
    """Return what stands behind the names of headers, and behind `Bearer`, in a variable that holds headers."""
    lines = [line.partition(":") for line in value.splitlines()] if name.endswith("_HEADERS") else []
    return {f"{name} {header.strip()}": text.split()[-1] for header, _, text in lines if text.strip()}


def _merged(spans: list[_Span]) -> list[_Span]:
    """Return spans that do not overlap, in order; of two that do, both go under the name of the one found first."""
    ranked = sorted(enumerate(spans), key=lambda each: (each[1][0], each[1][1]))
    merged: list[tuple[int, _Span]] = []
    for rank, (start, end, label, key) in ranked:
        if merged and start < merged[-1][1][1]:
            best, (first, last, other_label, other_key) = merged[-1]
            named = (label, key) if rank < best else (other_label, other_key)
            merged[-1] = min(rank, best), (first, max(last, end), *named)
        else:
            merged.append((rank, (start, end, label, key)))
    return [span for _, span in merged]
