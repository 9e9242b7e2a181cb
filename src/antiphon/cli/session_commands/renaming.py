"""`antiphon sessions rename`: gives a session a name."""

import argparse
import json

from antiphon.cli.session_commands.place import Place, named
from antiphon.sessions.listing.described import described


def run(place: Place, arguments: argparse.Namespace) -> str:
    """Give a session a name, or take its name away with an empty one, and return what to tell.

    Raises:
        SessionError: there is no such session, a process has it open, or it cannot be written.
    """
    summary = place.find(arguments.session)
    with place.sessions.open(summary.id) as session:
        session.rename(" ".join(" ".join(arguments.name).split()))
        session.require_written()
    renamed = place.sessions.find(summary.id)
    return json.dumps(described(renamed), indent=2) + "\n" if arguments.json else f"{named(renamed)}\n"
