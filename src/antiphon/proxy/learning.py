"""What upstreams and models turned out to want beyond what is known of them: told by what they refused, then took.

Kept while the proxy runs, so that the same history gives the same bytes on each request, not one refusal per turn.
"""

from collections import OrderedDict

from antiphon.proxy.fields import Path

_MOST_MODELS = 1000
_MOST_FIELDS = 20

Unknown = tuple[tuple[Path, str], ...]
"""Fields that an upstream does not know, each with the id of the rule about it."""


class Learned:
    """What was learned, by upstream and model; the oldest goes first where it would be too much."""

    def __init__(self) -> None:
        self._strict: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._unknown: OrderedDict[tuple[str, str], Unknown] = OrderedDict()

    def is_strict(self, upstream: str, model: str) -> bool:
        """Say whether the strictest reading of the evidence turned out to be needed."""
        return (upstream, model) in self._strict

    def note_strict(self, upstream: str, model: str) -> None:
        """Remember that it did."""
        self._strict[upstream, model] = None
        if len(self._strict) > _MOST_MODELS:
            self._strict.popitem(last=False)

    def unknown(self, upstream: str, model: str) -> Unknown:
        """Return the fields that turned out not to be known there."""
        return self._unknown.get((upstream, model), ())

    def note_unknown(self, upstream: str, model: str, more: Unknown) -> None:
        """Remember fields that did."""
        known = self.unknown(upstream, model)
        self._unknown[upstream, model] = tuple(dict.fromkeys((*known, *more)))[-_MOST_FIELDS:]
        if len(self._unknown) > _MOST_MODELS:
            self._unknown.popitem(last=False)
