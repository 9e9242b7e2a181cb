"""`antiphon sessions delete`: deletes sessions, after asking."""

import argparse
import json

from antiphon.cli.session_commands.place import Place, confirmed, named
from antiphon.errors import SessionError


def run(place: Place, arguments: argparse.Namespace) -> str:
    """Delete sessions, and return what to tell.

    Raises:
        SessionError: there is no such session, a process has one open, or it cannot be removed; those before it are
            gone then.
        SettingsError: there is nobody to ask.
    """
    summaries = list(dict.fromkeys(map(place.find, arguments.session)))
    open_now = next((summary for summary in summaries if summary.live), None)
    if open_now is not None:
        raise SessionError(f"session {named(open_now)} is open in another Antiphon. Leave that one first.")
    names = ", ".join(map(named, summaries))
    deleted = confirmed(f"Delete {names}? This cannot be undone.", yes=arguments.yes)
    for summary in summaries if deleted else ():
        place.sessions.delete(summary.id)
    if arguments.json:
        return json.dumps({"deleted": [summary.id for summary in summaries] if deleted else []}, indent=2) + "\n"
    return f"Deleted {names}.\n" if deleted else "Nothing was deleted.\n"
