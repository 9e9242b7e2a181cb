"""Lets a person at the terminal choose one of their sessions."""

import time
from collections.abc import Callable, Sequence

from antiphon.cli.ages import age
from antiphon.cli.safe_text import one_line
from antiphon.errors import SessionError
from antiphon.sessions.listing.finding import chosen
from antiphon.sessions.listing.summary import Summary

_SHOWN = 15


def choose_session(
    summaries: Sequence[Summary], say: Callable[[str, str], None], read: Callable[[], str | None]
) -> Summary | None:
    """Show sessions and let the person choose one by its number, id or title.

    Args:
        summaries: the sessions, newest first.
        say: prints a line in a style.
        read: reads a line; None when the person leaves.

    Returns:
        The session, or None for a new one.
    """
    shown = summaries[:_SHOWN]
    for number, summary in enumerate(shown, 1):
        prompts = f"{summary.prompts} prompt{'' if summary.prompts == 1 else 's'}"
        live = ", in use" if summary.live else ""
        say(f"{number:>3}  {one_line(summary.title)}  ({age(summary.updated, time.time())}, {prompts}{live})", "")
    if len(summaries) > len(shown):
        say(f"and {len(summaries) - len(shown)} older ones; antiphon sessions lists all.", "quiet")
    while True:
        say("Which one? A number, or a part of its title; nothing for a new session.", "quiet")
        answer = (read() or "").strip()
        if not answer:
            return None
        if answer.isdigit() and 1 <= int(answer) <= len(shown):
            return shown[int(answer) - 1]
        try:
            found = chosen(summaries, answer)
        except SessionError as problem:
            say(one_line(str(problem)), "bad")
            continue
        if found is not None:
            return found
        say(f"There is no session {one_line(answer)}.", "bad")
