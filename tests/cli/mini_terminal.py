"""A terminal small enough to trust: it knows exactly the sequences that the live screen may use, and refuses others."""

import io
import re

_TOKEN = re.compile(r"\x1b\[(\??)(\d*)([A-Za-z])|(\n)|(\r)|([^\x1b])")


class MiniTerminal(io.StringIO):
    """A screen of fixed width without a last line. Text that reaches the right edge wraps."""

    encoding = "utf-8"  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]  (StringIO has none)

    def __init__(self, width: int = 80, height: int = 24) -> None:
        super().__init__()
        self.width, self.height = width, height
        self.lines: list[list[str]] = [[]]
        self.row = self.column = 0
        self.cursor_shown = True
        self.highest_row = 0

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        position = 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            assert match, f"an unknown sequence: {text[position : position + 20]!r}"
            self._do(match)
            position = match.end()
        return len(text)

    def _do(self, match: re.Match[str]) -> None:
        private, number, final, newline, carriage_return, character = match.groups()
        if newline:
            self._to(self.row + 1, 0)
        elif carriage_return:
            self.column = 0
        elif character:
            self._put(character)
        elif private:
            assert (number, final) in {("25", "h"), ("25", "l"), ("2026", "h"), ("2026", "l")}
            if number == "25":
                self.cursor_shown = final == "h"
        elif final == "A":
            self.row -= int(number or 1)
            assert self.row >= 0, "the cursor left the screen"
        elif final == "J":
            assert number in {"", "0"}
            del self.lines[self.row + 1 :]
            del self.lines[self.row][self.column :]
        else:
            assert final == "m", f"an unknown sequence: {match[0]!r}"

    def _put(self, character: str) -> None:
        if self.column == self.width:
            self._to(self.row + 1, 0)
        line = self.lines[self.row]
        line += [" "] * (self.column - len(line))
        line[self.column : self.column + 1] = [character]
        self.column += 1

    def _to(self, row: int, column: int) -> None:
        self.row, self.column = row, column
        while len(self.lines) <= row:
            self.lines.append([])
        self.highest_row = max(self.highest_row, row)

    def shown(self) -> list[str]:
        """Return what stands on the screen, without empty lines at the end."""
        lines = ["".join(line).rstrip() for line in self.lines]
        while lines and not lines[-1]:
            lines.pop()
        return lines
