"""Simple commands that are being put together."""

from dataclasses import dataclass, field

from antiphon.shell.script import Joint, Redirection, SimpleCommand, Word


@dataclass(slots=True)
class Draft:
    """A simple command that is being put together."""

    start: int
    raw: str
    joint: Joint
    nested: bool
    words: list[Word] = field(default_factory=list[Word])
    assignments: list[tuple[str, Word]] = field(default_factory=list[tuple[str, Word]])
    redirections: list[Redirection] = field(default_factory=list[Redirection])

    def done(self) -> SimpleCommand:
        """Return what was put together."""
        return SimpleCommand(
            tuple(self.words),
            tuple(self.assignments),
            tuple(self.redirections),
            self.joint,
            self.nested,
            self.raw,
        )

    def is_known(self) -> bool:
        """Tell whether it names a program, and the value of every word of it is known."""
        targets = [redirection.target for redirection in self.redirections]
        words = [*self.words, *(word for _, word in self.assignments), *targets]
        return bool(self.words) and all(word is not None and word.text is not None for word in words)
