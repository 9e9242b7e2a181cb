"""Where known agents keep their sessions, for whoever does not know what to check."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

# Extensions of VS Code and its relatives that keep their tasks alike.
_EXTENSIONS = (
    ("Roo Code", "rooveterinaryinc.roo-cline"),
    ("Zoo Code", "ZooCodeOrganization.zoo-code"),
    ("Kilo Code", "kilocode.kilo-code"),
    ("Cline", "saoudrizwan.claude-dev"),
)
_EDITORS = ("Code", "Code - Insiders", "Code - OSS", "VSCodium", "Cursor", "Windsurf")
_SERVERS = (
    ".vscode-server",
    ".vscode-server-insiders",
    ".vscode-server-oss",
    ".vscodium-server",
    ".cursor-server",
    ".windsurf-server",
)


def session_places(environment: Mapping[str, str], home: Path) -> list[tuple[str, Path]]:
    """Return the programs that have sessions on this machine, each with the directory or file to check."""
    # Two variables may name one place.
    found = {os.path.realpath(place): (program, place) for program, place in _known(environment, home)}
    return [(program, place) for program, place in found.values() if place.exists()]


def _known(environment: Mapping[str, str], home: Path) -> Iterator[tuple[str, Path]]:
    data = Path(environment.get("XDG_DATA_HOME") or home / ".local/share")
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    yield "Claude Code", Path(environment.get("CLAUDE_CONFIG_DIR") or home / ".claude") / "projects"
    yield "Claude Code", config / "claude/projects"
    cline = Path(environment.get("CLINE_DATA_DIR") or Path(environment.get("CLINE_DIR") or home / ".cline") / "data")
    yield "Cline", Path(environment.get("CLINE_SESSION_DATA_DIR") or cline / "sessions")
    yield "Cline", cline / "tasks"
    yield "Roo Code", home / ".vscode-mock/global-storage/tasks"
    codex = Path(environment.get("CODEX_HOME") or home / ".codex")
    yield "Codex", codex / "sessions"
    yield "Codex", codex / "archived_sessions"
    yield "opencode", data / "opencode/opencode.db"
    settings = home / "Library/Application Support" if sys.platform == "darwin" else config
    roots = [
        *(settings / editor / "User/globalStorage" for editor in _EDITORS),
        *(home / server / "data/User/globalStorage" for server in _SERVERS),
    ]
    if environment.get("VSCODE_PORTABLE"):
        roots.append(Path(environment["VSCODE_PORTABLE"]) / "user-data/User/globalStorage")
    for root in roots:
        for program, extension in _EXTENSIONS:
            yield program, root / extension / "tasks"


def advice(environment: Mapping[str, str]) -> str:
    """Return what to check on this machine, as commands, one a line."""
    home = Path(environment.get("HOME") or "/")
    places = session_places(environment, home)
    if not places:
        return "No sessions of a known agent were found on this machine.\n"
    width = max(len(program) for program, _ in places)
    lines = [f"  {program:<{width}}  antiphon check {_quoted(place, home)}" for program, place in places]
    return "\n".join(["Sessions that are on this machine:", *lines]) + "\n"


def _quoted(place: Path, home: Path) -> str:
    text = str(place)
    if text.startswith(f"{home}{os.sep}"):
        text = f"~{text[len(str(home)) :]}"
    # A tilde is not expanded inside quotes.
    return text.replace(" ", "\\ ")
