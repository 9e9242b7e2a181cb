"""What other programs have stored on this machine: where, how much, how new, and for what directories."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from antiphon.cli.checking.finding import Target
from antiphon.cli.checking.places import session_places
from antiphon.cli.importing.programs import PROGRAMS, Program, files_of, is_of_subagent
from antiphon.transcripts.about import workspaces_at_a_glance


@dataclass(slots=True)
class Group:
    """The conversations of a program in one place.

    Attributes:
        program: whose they are.
        place: the directory, or the file, they are in.
        files: the files that hold them, those of subagents included.
        count: how many there are, without those of subagents.
        newest: when one was last written, in seconds since 1970.
        workspaces: how many there are of each directory they worked in, as far as that is known.
    """

    program: Program
    place: Path
    files: list[Target] = field(default_factory=list[Target])
    count: int = 0
    newest: float = 0.0
    workspaces: Counter[str] = field(default_factory=Counter[str])


def groups_on(environment: Mapping[str, str], home: Path, wanted: Program | None) -> list[Group]:
    """Return what programs have stored in their usual places, in the order of the places; one program's if wanted.

    Files are found, not read.
    """
    by_title = {program.title: program for program in PROGRAMS.values()}
    groups: list[Group] = []
    for title, place in session_places(environment, home):
        program = by_title[title]
        files = list(files_of([str(place)])) if wanted in {None, program} else []
        if files:
            groups.append(Group(program, place, files))
    return groups


def look_into(groups: Sequence[Group]) -> None:
    """Find out how much there is, how new it is, and for what directories: by the beginnings of files."""
    for group in groups:
        for target in group.files:
            if target.path is not None and not is_of_subagent(target.path):
                try:
                    workspaces = workspaces_at_a_glance(target.path)
                    group.newest = max(group.newest, target.path.stat().st_mtime)
                except OSError:
                    continue  # Who takes it over will be told.
                group.count += len(workspaces)
                group.workspaces.update(name for name in workspaces if name)
