"""`antiphon sessions rename` and `delete`."""

import json
from collections.abc import Sequence

from antiphon.cli.safe_text import one_line
from antiphon.cli.session_commands.place import Place, confirmed, named
from antiphon.errors import SessionError
from antiphon.sessions.export.json import described
from antiphon.sessions.summary import Summary


def rename_session(place: Place, summary: Summary, name: str, *, as_json: bool) -> str:
    """Give a session a name; an empty one takes its name away. Return what to tell.

    Raises:
        SessionError: a process has it open, or it cannot be written.
    """
    with place.sessions.open(summary.id) as session:
        session.rename(" ".join(name.split()))
        session.require_written()
    renamed = place.sessions.find(summary.id)
    if as_json:
        return json.dumps(described(renamed), indent=2) + "\n"
    return f"{one_line(renamed.id)} is called {one_line(renamed.title)!r} now.\n"


def delete_sessions(place: Place, summaries: Sequence[Summary], *, yes: bool, as_json: bool) -> str:
    """Delete sessions after asking, and return what to tell.

    Raises:
        SessionError: a process has one open, or it cannot be removed; those before it are gone.
        SettingsError: there is nobody to ask.
    """
    open_now = next((summary for summary in summaries if summary.live), None)
    if open_now is not None:
        raise SessionError(f"session {named(open_now)} is open in another Antiphon. Leave that one first.")
    names = ", ".join(map(named, summaries))
    if not confirmed(f"Delete {names}? This cannot be undone.", yes=yes):
        return "Nothing was deleted.\n" if not as_json else json.dumps({"deleted": []}) + "\n"
    for summary in summaries:
        place.sessions.delete(summary.id)
    if as_json:
        return json.dumps({"deleted": [summary.id for summary in summaries]}, indent=2) + "\n"
    return f"Deleted {names}.\n"
