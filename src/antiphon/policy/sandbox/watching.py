"""Looks before and after a command at what it may not change, and undoes what the sandbox could not refuse.

A file that does not exist cannot be covered without being made; so one that a command creates in a protected place is
taken away afterwards. Where nothing can be covered (Landlock), what is there is kept beforehand and put back.
"""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from antiphon.policy.sandbox.grounds import Grounds
from antiphon.policy.sandbox.new_repository import is_as_git_made_it
from antiphon.policy.sandbox.snapshots import taken_of
from antiphon.policy.sandbox.undoing import put_back, take_away

_NAMED = 5
"""Files that a sentence names."""


class Watch:
    """What is protected, as it was when a command started."""

    def __init__(self, grounds: Grounds, protected: Sequence[Path], *, covered: Collection[Path] = ()) -> None:
        """Look.

        Args:
            grounds: where to look.
            protected: what is protected there now.
            covered: what of it no command can change; of the rest what is there is kept.

        Raises:
            OSError: there is too much to keep.
        """
        self._grounds = grounds
        self._before = protected
        self._uncovered = [path for path in protected if path not in covered]
        self._kept = taken_of(self._uncovered)
        self._refused = grounds.scratch / "refused"

    def restore(self) -> list[str]:
        """Undo what was changed, and return sentences that say so.

        Raises:
            OSError: something could not be undone.
        """
        taken = [path for path in self._new() if self._take_away(path)]
        changed, extra = self._changed()
        # All of it is kept as long as the session: it may be the user who wrote there at the same time.
        for path in (*extra, *(path for path in changed if self._kept[path].contents is not None)):
            self._take_away(path)
        for path in changed:
            put_back(self._root_of(path), path, self._kept[path])
        undone = bool(taken or changed or extra)
        return [
            *self._sentence("The command made {}. Such files are protected, so this was taken away.", taken),
            *self._sentence(
                "The command changed {}. Such files are protected, so this was put back.", [*changed, *extra]
            ),
            *([_HOW_TO, f"What was there is kept in {self._refused} until the session ends."] if undone else []),
        ]

    def tell(self) -> list[str]:
        """Return sentences that say what is new or was changed, and leave it as it is."""
        changed, extra = self._changed()
        return self._sentence(
            "Protected files were changed meanwhile, by the command or by others: {}.", [*self._new(), *changed, *extra]
        )

    def _new(self) -> list[Path]:
        known = set(self._before)
        new = [path for path in self._grounds.protected() if path not in known]
        return [path for path in new if not (".git" in path.parts[:-1] and is_as_git_made_it(path))]

    def _changed(self) -> tuple[list[Path], list[Path]]:
        """Return what is not as it was, and what is there besides."""
        now = taken_of(self._uncovered, self._kept)
        changed = [path for path, snapshot in self._kept.items() if now.get(path) != snapshot]
        return changed, [path for path in now if path not in self._kept]

    def _take_away(self, path: Path) -> bool:
        place = self._refused / str(len(list(self._refused.iterdir())) if self._refused.is_dir() else 0)
        return take_away(self._root_of(path), path, place)

    def _root_of(self, path: Path) -> Path:
        return next(root for root in self._grounds.directories if root in path.parents)

    def _sentence(self, text: str, paths: Iterable[Path]) -> list[str]:
        names = list(dict.fromkeys(self._name(path) for path in paths))
        if not names:
            return []
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        return [text.format(", ".join(names[:_NAMED]) + more)]

    def _name(self, path: Path) -> str:
        root = self._grounds.workspace.root
        return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


_HOW_TO = "They can be changed with edit_file or write_file, or by a command with `outside_sandbox`; the user is asked."
