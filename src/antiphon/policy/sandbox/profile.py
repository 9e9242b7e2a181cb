"""What a confined command can see, change and reach. Plain data, which each kind of sandbox puts in its own words."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Network = Literal["none", "proxy", "open"]
"""No network at all, a way to our proxy and no other, or the network as it is."""

LASTING = ".cache"
"""What of a stand-in for the home directory is there for the next command, too: downloads of package managers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The bounds of one command. All paths are absolute and resolved, and exist, but for those of `shown`.

    Whatever is not named can be read, and nothing but `writable` and the scratch directories can be changed. Of two
    paths one of which is below the other the lower one decides, and of two entries for one path the later attribute.

    Attributes:
        scratch: a directory of the session; its `tmp` and `home` are where temporary files and the home directory
            are, or seem to be.
        home: the user's home directory; None where there is none.
        homes: directories that hold what people own, and are empty inside.
        emptied: directories of the system through which one gets out (sockets of services), and that are empty inside.
        shown: what is seen of the homes all the same; cannot be changed.
        writable: what may be changed.
        pinned: directories in `writable` that can be changed but not moved away.
        read_only: what cannot be changed although it lies in `writable`.
        hidden: what cannot be read.
        network: which network there is.
        proxy: the socket of the proxy, where there is one.
    """

    scratch: Path
    home: Path | None = None
    homes: tuple[Path, ...] = ()
    emptied: tuple[Path, ...] = ()
    shown: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    pinned: tuple[Path, ...] = ()
    read_only: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    network: Network = "none"
    proxy: Path | None = None

    @property
    def temporary(self) -> Path:
        """Where temporary files are kept."""
        return self.scratch / "tmp"

    @property
    def stand_in(self) -> Path:
        """What is seen, and may be changed, in the place of the home directory."""
        return self.scratch / "home"


def furnish(scratch: Path) -> None:
    """Make what a profile takes to be in its scratch directory."""
    for name in ("tmp", f"home/{LASTING}"):
        (scratch / name).mkdir(parents=True)
