"""Which session is meant by what a person typed. Pure."""

from collections.abc import Sequence
from pathlib import Path

from antiphon.errors import SessionError
from antiphon.sessions.listing.summary import Summary

_LONGEST_TITLE = 40
_SHORT = 8
_TOLD = 5
"""Most candidates that an error names."""


def of_workspace(summaries: Sequence[Summary], workspace: Path | str) -> list[Summary]:
    """Return those that work in a directory, however its path was written, in their order."""
    wanted = _real(workspace)
    same: dict[str, bool] = {"": False}
    for summary in summaries:
        if summary.workspace not in same:
            same[summary.workspace] = _real(summary.workspace) == wanted
    return [summary for summary in summaries if same[summary.workspace]]


def chosen(summaries: Sequence[Summary], text: str) -> Summary | None:
    """Return the session that this text names, or None where it names none.

    In this order: an id, a name, the beginning of an id, a part of a title (in any case of letters).

    Raises:
        SessionError: it names several.
    """
    folded = _folded(text)
    if not folded:
        return None
    by_id = [summary for summary in summaries if summary.id.casefold().startswith(folded)]
    by_title = [summary for summary in summaries if folded in _folded(summary.title)]
    # A few letters may be how an id begins, and a word: "dead", "face". Who meant which is not for us to say.
    by_either = by_id if len(folded) >= _SHORT and by_id else list(dict.fromkeys([*by_id, *by_title]))
    for means in (
        [summary for summary in by_id if summary.id == text],
        [summary for summary in summaries if _folded(summary.name) == folded],
        by_either,
    ):
        if len(means) > 1:
            raise SessionError(f"{text!r} could be {candidates(means)}. Say more of its title, or its id.")
        if means:
            return means[0]
    return None


def candidates(summaries: Sequence[Summary]) -> str:
    """Return the first of these sessions by id and title, in words."""
    ids = short_ids(summaries)
    named = [f"{ids[summary.id]} ({_cut(summary.title)})" for summary in summaries[:_TOLD]]
    more = len(summaries) - len(named)
    if more:
        return f"{', '.join(named)} and {more} more"
    return " or ".join(named)


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _cut(title: str) -> str:
    return title if len(title) <= _LONGEST_TITLE else f"{title[: _LONGEST_TITLE - 1].rstrip()}…"


def short_ids(summaries: Sequence[Summary]) -> dict[str, str]:
    """Return, by id, as much of each id as tells it from the others, and at least its first part."""
    ids = sorted(summary.id for summary in summaries)
    short: dict[str, str] = {}
    for before, session_id, after in zip(["", *ids], ids, [*ids[1:], ""], strict=False):
        needed = 1 + max(_common(session_id, before), _common(session_id, after))
        short[session_id] = session_id[: max(_SHORT, needed)]
    return short


def _common(one: str, other: str) -> int:
    """Return with how many same characters two texts begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(one), len(other)))


def _real(path: Path | str) -> str:
    try:
        return str(Path(path).resolve())
    except (OSError, RuntimeError, ValueError):  # a path that goes round in circles, or cannot be one
        return str(path)
