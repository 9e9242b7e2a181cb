"""`antiphon sessions`: what there is, what it says, and what becomes of it.

An action is a module with `run(place, arguments) -> str`, which is loaded when it is asked for: a list is to be there
at once.
"""

import argparse
import sys
from importlib import import_module

from antiphon.cli.session_commands.place import Place
from antiphon.cli.withholding import add_flag
from antiphon.errors import SettingsError

_ACTIONS = {
    "list": "list them, newest first (this is done without an action)",
    "search": "find words in prompts, replies, calls and results",
    "show": "read one in the terminal",
    "export": "write one as Markdown, JSON or a page for browsers",
    "rename": "give one a name",
    "delete": "delete sessions",
    "prune": "delete old sessions, and what belongs to none any more",
}
_MODULES = {
    "list": "listing",
    "search": "searching",
    "show": "showing",
    "export": "exporting",
    "rename": "renaming",
    "delete": "deleting",
    "prune": "pruning",
}
_WHICH = "id of a session or how it begins, its name, or a part of its title"
_LATEST = f"{_WHICH}; without it, the latest of this directory"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the flags of the command."""
    parser.set_defaults(action="list", cd=None, all=False, json=False, limit=None, with_secrets=False)
    _add_place(parser, every=True)
    _add_limit(parser, "list at most N sessions; 0 is all (default: 20)")
    add_flag(parser, argparse.SUPPRESS)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions")
    made = {
        name: actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False)
        for name, text in _ACTIONS.items()
    }
    for name, action in made.items():
        _add_place(action, every=name in {"list", "search", "prune"})
        if name in {"list", "search", "show", "export"}:
            add_flag(action, argparse.SUPPRESS)
    _add_limit(made["list"], "list at most N sessions; 0 is all (default: 20)")
    made["search"].add_argument("words", nargs="+", metavar="WORD", help='words, or "several in quotes" side by side')
    _add_limit(made["search"], "show at most N sessions (default: 20)")
    for name in ("show", "export"):
        made[name].add_argument("session", nargs="?", metavar="ID", help=_LATEST)
    made["show"].add_argument(
        "--full", action="store_true", help="all of every result, arguments as they are, and the model's thinking"
    )
    made["export"].add_argument(
        "-f", "--format", choices=("markdown", "json", "html"), help="in which form (default: by the name of the file)"
    )
    made["export"].add_argument("-o", "--output", metavar="FILE", help="where to (default: standard output)")
    made["export"].add_argument("--records", action="store_true", help="with json: every record of the session, too")
    made["rename"].add_argument("session", metavar="ID", help=_WHICH)
    made["rename"].add_argument("name", nargs="+", metavar="NAME", help="its name from now on; '' takes it away")
    made["delete"].add_argument("session", nargs="+", metavar="ID", help=_WHICH)
    made["delete"].add_argument("-y", "--yes", action="store_true", help="do not ask")
    prune = made["prune"]
    prune.add_argument("--older-than", metavar="TIME", help="in which nothing happened for so long, as in 12h, 30d, 8w")
    prune.add_argument("--keep", type=int, metavar="N", help="but for the newest N of each directory")
    prune.add_argument("--empty", action="store_true", help="those in which nothing was said, too")
    prune.add_argument("--dry-run", action="store_true", help="show what would go, and delete nothing")
    prune.add_argument("-y", "--yes", action="store_true", help="do not ask")


def run(arguments: argparse.Namespace) -> int:
    """Do what is asked for and return the exit code.

    Raises:
        SettingsError: a flag cannot be used.
        SessionError: there is no such session, or it cannot be read, written or removed.
    """
    place = Place.of(arguments)
    if arguments.limit is not None and arguments.limit < 0:
        raise SettingsError("--limit is a number from 0 on.")
    action = import_module(f"antiphon.cli.session_commands.{_MODULES[arguments.action or 'list']}")
    sys.stdout.write(action.run(place, arguments))
    sys.stdout.flush()
    place.withheld.tell()
    return 0


def _add_place(parser: argparse.ArgumentParser, *, every: bool) -> None:
    # What was said before the action holds where nothing is said behind it.
    unset = argparse.SUPPRESS
    parser.add_argument("-C", "--cd", metavar="DIR", default=unset, help="the directory whose sessions are meant")
    if every:
        parser.add_argument("-a", "--all", action="store_true", default=unset, help="those of every directory")
    parser.add_argument("--json", action="store_true", default=unset, help="print JSON")


def _add_limit(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("-n", "--limit", type=int, metavar="N", default=argparse.SUPPRESS, help=text)
