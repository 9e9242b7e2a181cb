"""The profile for macOS, as text: nobody can run it here, so that it says what it should is all that is checked."""

from pathlib import Path

import pytest
from inline_snapshot import snapshot

from antiphon.policy.sandbox.profile import Network, Profile
from antiphon.policy.sandbox.seatbelt import Seatbelt, sbpl

PROFILE = Profile(
    scratch=Path("/private/var/folders/x/antiphon-1"),
    home=Path("/Users/me"),
    homes=(Path("/Users"),),
    shown=(Path("/Users/me/.cargo/bin"),),
    writable=(Path("/Users/me/work"),),
    pinned=(Path("/Users/me/work/.git"),),
    read_only=(Path("/Users/me/work/.git/hooks"), Path("/Users/me/work/.git/config")),
    hidden=(Path("/Users/me/work/.env"),),
)


def test_the_whole_profile() -> None:
    assert sbpl(PROFILE) == snapshot("""\
(version 1)
(deny default)
(allow process-exec)
(allow process-fork)
(allow process-info* (target same-sandbox))
(allow signal (target same-sandbox))
(allow sysctl-read)
(allow file-read* file-map-executable)
(allow file-ioctl (literal "/dev/null") (literal "/dev/zero") (literal "/dev/tty") (literal "/dev/ptmx"))
(allow file-read* file-write-data
  (literal "/dev/null") (literal "/dev/zero") (literal "/dev/tty") (literal "/dev/random") (literal "/dev/urandom")
  (subpath "/dev/fd"))
(allow pseudo-tty)
(allow ipc-posix-sem)
(allow mach-lookup
  (global-name "com.apple.system.opendirectoryd.libinfo")
  (global-name "com.apple.system.opendirectoryd.membership")
  (global-name "com.apple.system.logger")
  (global-name "com.apple.system.notification_center")
  (global-name "com.apple.trustd.agent"))
(deny file-read-data file-write* (subpath "/private/tmp"))
(deny file-read-data file-write* (subpath "/private/var/tmp"))
(deny file-read-data file-write* (subpath "/private/var/folders"))
(deny file-read-data file-write* (subpath "/Users"))
(allow file-read* (subpath "/Users/me/.cargo/bin"))
(allow file-read* (subpath "/Users/me/work"))
(allow file-read* file-write* file-map-executable (subpath "/private/var/folders/x/antiphon-1/tmp"))
(allow file-read* file-write* file-map-executable (subpath "/private/var/folders/x/antiphon-1/home"))
(allow file-write* (subpath "/Users/me/work"))
(deny file-write-unlink file-write-create (literal "/Users/me/work/.git"))
(deny file-write* (subpath "/Users/me/work/.git/hooks"))
(deny file-write* (subpath "/Users/me/work/.git/config"))
(deny file-read* file-write* (subpath "/Users/me/work/.env"))
""")


@pytest.mark.parametrize("network", ["none", "proxy", "open"])
def test_the_network(network: Network) -> None:
    text = sbpl(Profile(scratch=Path("/scratch"), network=network), 1234 if network == "proxy" else None)
    rules = [line for line in text.splitlines() if "network" in line]
    assert (
        rules
        == {
            "none": [],
            "proxy": ['(allow network-outbound (remote ip "localhost:1234"))'],
            "open": ["(allow network*)", '  (global-name "com.apple.networkd"))'],
        }[network]
    )


def test_a_path_cannot_end_its_string() -> None:
    text = sbpl(Profile(scratch=Path("/scratch"), writable=(Path('/a")(allow default)\\'),)))
    assert '(allow file-write* (subpath "/a\\")(allow default)\\\\"))' in text


def test_what_is_refused_stands_behind_what_is_allowed() -> None:
    text = sbpl(PROFILE)
    allowed = text.index('(allow file-write* (subpath "/Users/me/work"))')
    assert text.index('(deny file-read-data file-write* (subpath "/Users"))') < allowed
    for name in ("hooks", "config"):
        assert text.index(f'(deny file-write* (subpath "/Users/me/work/.git/{name}"))') > allowed
    assert text.index('(deny file-read* file-write* (subpath "/Users/me/work/.env"))') > allowed


def test_how_it_is_started() -> None:
    with Seatbelt("/usr/bin/sandbox-exec").start(PROFILE, ["bash", "-c", "true"], Path("/"), {"A": "b"}) as confined:
        assert list(confined.argv) == ["/usr/bin/sandbox-exec", "-p", sbpl(PROFILE), "bash", "-c", "true"]
        assert confined.env == {"A": "b", "TMPDIR": "/private/var/folders/x/antiphon-1/tmp"}
