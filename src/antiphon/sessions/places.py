"""Where Antiphon keeps what users would miss: sessions, and what belongs to a workspace."""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

_NOT_FOR_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


def data_directory(environment: Mapping[str, str]) -> Path:
    """Return the directory of all data: `ANTIPHON_DATA_DIR`, else `antiphon` in the XDG data home."""
    named = environment.get("ANTIPHON_DATA_DIR", "")
    if named:
        return Path(named).expanduser().absolute()
    base = environment.get("XDG_DATA_HOME", "")
    # The XDG specification says that a relative path is to be ignored.
    root = Path(base) if Path(base).is_absolute() else Path(environment.get("HOME", "~")).expanduser() / ".local/share"
    return root / "antiphon"


def workspace_directory(data: Path, workspace: Path | str) -> Path:
    """Return where things of a workspace are kept that its sessions share: over-long results and checkpoints.

    The name says which workspace it is to a person, and a digest of the path keeps those of one name apart.
    """
    path = os.fsencode(Path(workspace).absolute())
    name = _NOT_FOR_NAMES.sub("-", Path(workspace).name)[:40].strip("-.") or "root"
    return data / "workspaces" / f"{name}-{hashlib.sha256(path).hexdigest()[:12]}"
