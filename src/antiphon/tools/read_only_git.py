"""Where `safe_git` was: see `antiphon.shell.reading_git`."""

from antiphon.shell.reading_git import safe_git

__all__ = ["safe_git"]
