"""`antiphon key`: keeps API keys in the system's keyring, each for one host. Keys are never arguments, nor printed."""

import argparse
import getpass
import sys

from antiphon.errors import SettingsError
from antiphon.providers.credentials import DEFAULT_BASE_URL
from antiphon.providers.keyring_store import host_of, remove_key, store_key, stored_hosts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the actions of the command."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    described = {
        "set": "keep a key, read from a prompt or from standard input",
        "remove": "remove a key",
        "list": "list the hosts there are keys of",
    }
    for name, text in described.items():
        action = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False)
        if name != "list":
            action.add_argument(
                "--host",
                metavar="HOST",
                default=DEFAULT_BASE_URL,
                help="the host that the key is for and that alone gets it (default: the API's own)",
            )


def run(arguments: argparse.Namespace) -> int:
    """Do it.

    Raises:
        SettingsError: there is no keyring, or it does not do that; or what was given is no key or no host.
    """
    if arguments.action == "list":
        hosts = stored_hosts()
        sys.stdout.write("".join(f"{host}\n" for host in hosts) or "There are no keys.\n")
        return 0
    host = host_of(arguments.host)
    if arguments.action == "remove":
        if not remove_key(host):
            raise SettingsError(f"there is no key for {host}.")
        sys.stdout.write(f"The key for {host} is removed.\n")
        return 0
    store_key(host, _read_key(host))
    sys.stdout.write(f"The key for {host} is in the keyring. It is used where no variable holds one.\n")
    return 0


def _read_key(host: str) -> str:
    """Read a key without showing it."""
    if sys.stdin.isatty():
        return getpass.getpass(f"Key for {host}: ").strip()
    return sys.stdin.readline().strip()
