"""`antiphon import`: takes over conversations of other programs as sessions that can be gone on with.

The command is a package, as `import` is no name that a module of Python can be imported by.
"""

from antiphon.cli.importing.command import add_arguments, run

__all__ = ["add_arguments", "run"]
