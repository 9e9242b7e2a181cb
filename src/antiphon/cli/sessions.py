"""`antiphon sessions`: what there is, what it says, and what becomes of it."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping

from antiphon.cli.models import own_models
from antiphon.cli.session_commands.changing import delete_sessions, rename_session
from antiphon.cli.session_commands.exporting import FORMATS, export_session
from antiphon.cli.session_commands.listing import list_sessions
from antiphon.cli.session_commands.place import Place, seconds_of
from antiphon.cli.session_commands.pruning import prune_sessions
from antiphon.cli.session_commands.searching import search_sessions
from antiphon.cli.session_commands.showing import show_session
from antiphon.errors import SettingsError
from antiphon.providers.models import using
from antiphon.sessions.pruning import Wish

_ACTIONS = {
    "list": "list them, newest first (this is done without an action)",
    "search": "find words in prompts, replies, calls and results",
    "show": "read one in the terminal",
    "export": "write one as Markdown, JSON or a page for browsers",
    "rename": "give one a name",
    "delete": "delete sessions",
    "prune": "delete old sessions, and what belongs to none any more",
}
_WHICH = "id of a session or how it begins, its name, or a part of its title"
_LATEST = f"{_WHICH}; without it, the latest of this directory"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the flags of the command."""
    parser.set_defaults(action="list", cd=None, all=False, json=False, limit=None)
    _add_place(parser, every=True)
    _add_limit(parser, "list at most N sessions; 0 is all (default: 20)")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions")
    made = {
        name: actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False)
        for name, text in _ACTIONS.items()
    }
    for name, action in made.items():
        _add_place(action, every=name in {"list", "search", "prune"})
    _add_limit(made["list"], "list at most N sessions; 0 is all (default: 20)")
    made["search"].add_argument("words", nargs="+", metavar="WORD", help='words, or "several in quotes" side by side')
    _add_limit(made["search"], "show at most N sessions (default: 20)")
    for name in ("show", "export"):
        made[name].add_argument("session", nargs="?", metavar="ID", help=_LATEST)
    made["show"].add_argument(
        "--full", action="store_true", help="all of every result, arguments as they are, and the model's thinking"
    )
    made["export"].add_argument(
        "-f", "--format", choices=FORMATS, help="in which form (default: by the name of the file)"
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
    sys.stdout.write(_DOES[arguments.action or "list"](place, arguments))
    return 0


def _list(place: Place, arguments: argparse.Namespace) -> str:
    return list_sessions(place, limit=arguments.limit, as_json=arguments.json)


def _search(place: Place, arguments: argparse.Namespace) -> str:
    return search_sessions(place, " ".join(arguments.words), limit=arguments.limit, as_json=arguments.json)


def _show(place: Place, arguments: argparse.Namespace) -> str:
    found = place.find(arguments.session)
    if arguments.json:
        return export_session(place, found, form="json", file=None, records=arguments.full)
    with using(own_models(os.environ)):
        return show_session(place, found, full=arguments.full)


def _export(place: Place, arguments: argparse.Namespace) -> str:
    form = "json" if arguments.json else arguments.format
    found = place.find(arguments.session)
    return export_session(place, found, form=form, file=arguments.output, records=arguments.records)


def _rename(place: Place, arguments: argparse.Namespace) -> str:
    name = " ".join(arguments.name)
    return rename_session(place, place.find(arguments.session), name, as_json=arguments.json)


def _delete(place: Place, arguments: argparse.Namespace) -> str:
    meant = list(dict.fromkeys(map(place.find, arguments.session)))
    return delete_sessions(place, meant, yes=arguments.yes, as_json=arguments.json)


def _prune(place: Place, arguments: argparse.Namespace) -> str:
    wish = _wish(place, arguments)
    return prune_sessions(place, wish, dry=arguments.dry_run, yes=arguments.yes, as_json=arguments.json)


_DOES: Mapping[str | None, Callable[[Place, argparse.Namespace], str]] = {
    "list": _list,
    "search": _search,
    "show": _show,
    "export": _export,
    "rename": _rename,
    "delete": _delete,
    "prune": _prune,
}


def _wish(place: Place, arguments: argparse.Namespace) -> Wish:
    if arguments.keep is not None and arguments.keep < 0:
        raise SettingsError("--keep is a number from 0 on.")
    before = None if arguments.older_than is None else place.now - seconds_of(arguments.older_than)
    return Wish(before, arguments.keep, arguments.empty)


def _add_place(parser: argparse.ArgumentParser, *, every: bool) -> None:
    # What was said before the action holds where nothing is said behind it.
    unset = argparse.SUPPRESS
    parser.add_argument("-C", "--cd", metavar="DIR", default=unset, help="the directory whose sessions are meant")
    if every:
        parser.add_argument("-a", "--all", action="store_true", default=unset, help="those of every directory")
    parser.add_argument("--json", action="store_true", default=unset, help="print JSON")


def _add_limit(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("-n", "--limit", type=int, metavar="N", default=argparse.SUPPRESS, help=text)
