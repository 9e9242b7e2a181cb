"""Writes Markdown from the tags and the text of a page, as they come.

For a reader who is no renderer: nothing is escaped. Tags may be nested in any way and left open; whatever they are, the
time is linear, memory follows the text, and the words come out in their order. Knows no HTTP.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_SPACE = re.compile(r"[ \t\n\r\f\xa0\u200b]+")
_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_MARKS = {"b": "**", "strong": "**", "i": "*", "em": "*", "s": "~~", "del": "~~", "a": ""}
_CODE = frozenset({"code", "kbd", "samp", "tt"})
_LISTS = frozenset({"ul", "ol"})
_BLOCKS = frozenset(
    {
        *("p", "div", "section", "article", "main", "header", "footer", "address", "figure", "figcaption", "details"),
        *("summary", "center", "dl", "dt", "fieldset", "legend", "body", "html", "hgroup", "caption", "form", "option"),
        *("thead", "tbody", "tfoot", "tr"),
    }
)
_LINES_OF_CODE = frozenset({"br", "div", "p", "li", "tr"})
_MOST_NESTED = 20
"""How deep lists, quotes and emphasis nest; deeper, they are plain. Nobody who wants to be read nests so deep."""
_LONGEST_CELL = 400
"""Characters of a table's cell; a table with longer ones is there for the layout."""


@dataclass(slots=True)
class _Container:
    """A quote, a list, or an item of one.

    Attributes:
        tag: `blockquote`, `list`, `li` or `dd`.
        first: what stands before its first line.
        rest: what stands before all others.
        number: of the next item, if this is an ordered list.
        used: something has been written in it.
    """

    tag: str
    first: str = ""
    rest: str = ""
    number: int | None = None
    used: bool = False


@dataclass(slots=True)
class _Mark:
    """An open `<b>`, `<a>`, ...: where among the pieces of the line its text begins."""

    tag: str
    begins: int
    href: str = ""


@dataclass(slots=True)
class _Table:
    """A table, row by row; `cell` is the open cell, `depth` how many containers there are around it."""

    rows: list[list[str]] = field(default_factory=list[list[str]])
    cell: list[str] | None = None
    depth: int = 0
    layout: bool = False


class MarkdownWriter:
    """Takes tags and text, gives Markdown."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._inline: list[str] = []
        self._marks: list[_Mark] = []
        self._containers: list[_Container] = []
        self._tables: list[_Table] = []
        self._heading = ""
        self._tight = False
        self._code: list[str] | None = None
        self._pre: list[str] | None = None
        self._language = ""

    def text(self, text: str) -> None:
        """Take text."""
        if self._pre is not None:
            self._pre.append(text)
        elif self._code is not None:
            self._code.append(text)
        else:
            text = _SPACE.sub(" ", text)
            if text.startswith(" ") and (not self._inline or self._inline[-1][-1:] in {" ", "\n"}):
                text = text[1:]
            if text:
                self._inline.append(text)

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Take a start tag."""
        if self._pre is not None:
            self._inside_pre(tag, attributes)
        elif tag in _MARKS:
            if len(self._marks) < _MOST_NESTED:
                self._marks.append(_Mark(tag, len(self._inline), attributes.get("href", "")))
        elif tag in _CODE:
            self._code = self._code or []
        elif tag == "br":
            self._inline.append("\n")
        elif tag == "img":
            self._image(attributes)
        else:
            self._start_block(tag, attributes)

    def end(self, tag: str) -> None:
        """Take an end tag; one without its start is nothing."""
        if self._pre is not None:
            if tag == "pre":
                self._end_pre()
        elif tag in _MARKS:
            self._close_mark(tag)
        elif tag in _CODE:
            self._end_code()
        else:
            self._end_block(tag)

    def close(self) -> str:
        """Return everything, with an end to what was left open."""
        self._end_pre()
        self._flush()
        while self._tables:
            self._end_table()
        return "\n".join(self._lines)

    # Inside of a line.

    def _close_mark(self, tag: str) -> None:
        """Close a mark, and those opened in it, which overlap it."""
        for position in range(len(self._marks) - 1, -1, -1):
            if self._marks[position].tag == tag:
                for mark in reversed(self._marks[position:]):
                    self._apply(mark)
                del self._marks[position:]
                return

    def _apply(self, mark: _Mark) -> None:
        """Put a mark around its text so far."""
        text = "".join(self._inline[mark.begins :])
        bare = text.strip()
        if not bare:
            return
        if mark.tag != "a":
            marked = f"{_MARKS[mark.tag]}{bare}{_MARKS[mark.tag]}"
        elif mark.href:
            marked = f"<{bare}>" if bare == mark.href else f"[{bare}]({mark.href})"
        else:
            marked = bare
        self._inline[mark.begins :] = [" " * text[0].isspace() + marked + " " * text[-1].isspace()]

    def _end_code(self) -> None:
        if self._code is not None:
            text = " ".join("".join(self._code).split())
            self._code = None
            if text:
                self._inline.append(f"`` {text} ``" if "`" in text else f"`{text}`")

    def _image(self, attributes: Mapping[str, str]) -> None:
        alt = " ".join(attributes.get("alt", "").split())
        source = attributes.get("src", "")
        if source or alt:
            self._inline.append(f"![{alt}]({source})" if source else alt)

    # Blocks.

    def _start_block(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag in _BLOCKS or tag in _HEADINGS or tag in {"pre", "hr", "blockquote"}:
            self._flush()
        match tag:
            case "ul" | "ol":
                self._flush()
                number = attributes.get("start", "")
                first = int(number) if number.isdecimal() and len(number) < 10 else 1
                self._open(_Container("list", number=first if tag == "ol" else None))
            case "li":
                self._start_item()
            case "dd":
                self._flush()
                self._leave("dd")
                self._open(_Container("dd", ": ", "  "))
            case "blockquote":
                self._open(_Container(tag, "> ", "> "))
            case "hr":
                self._emit(["---"])
            case "pre":
                self._pre = []
                self._language = _language(attributes)
            case "table" | "tr" | "td" | "th":
                self._start_in_table(tag)
            case _:
                self._heading = _HEADINGS.get(tag, self._heading)

    def _end_block(self, tag: str) -> None:
        if tag in _LISTS:
            self._flush()
            self._leave("list")
        elif tag in {"li", "dd", "dl", "blockquote"}:
            self._flush()
            self._leave("dd" if tag == "dl" else tag, unless="list" if tag == "li" else "")
        elif tag in {"td", "th", "tr"}:
            self._end_cell()
        elif tag == "table":
            self._flush()
            if self._tables:
                self._end_table()
        elif tag in _BLOCKS or tag in _HEADINGS:
            self._flush()
            self._heading = ""

    def _open(self, container: _Container) -> None:
        if len(self._containers) < _MOST_NESTED:
            self._containers.append(container)

    def _leave(self, tag: str, unless: str = "") -> None:
        """Leave the innermost container of a tag and all in it; not if one named in `unless` lies further in."""
        around = self._tables[-1].depth if self._tables else 0
        for position in range(len(self._containers) - 1, around - 1, -1):
            if self._containers[position].tag == tag:
                del self._containers[position:]
                return
            if self._containers[position].tag == unless:
                return

    def _start_item(self) -> None:
        self._flush()
        self._leave("li", unless="list")
        lists = [container for container in self._containers if container.tag == "list"]
        marker = "- "
        if lists and lists[-1].number is not None:
            marker = f"{lists[-1].number}. "
            lists[-1].number += 1
        # An empty line before the list, none within it.
        self._tight = len(lists) > 1 or bool(lists and lists[-1].used)
        self._open(_Container("li", marker, " " * len(marker)))

    def _flush(self) -> None:
        """Write the line that was gathered, if there is one."""
        self._end_code()
        for mark in reversed(self._marks):
            self._apply(mark)
        lines = [line.strip() for line in "".join(self._inline).strip().split("\n")]
        self._inline.clear()
        for mark in self._marks:
            mark.begins = 0
            if lines[0]:  # a link over several blocks is told once
                mark.href = ""
        if self._heading and any(lines):
            lines = [self._heading + " ".join(lines).rstrip("¶🔗 ").removesuffix(" #")]
            self._heading = ""
        if any(lines):
            self._emit(lines)

    def _emit(self, lines: Sequence[str]) -> None:
        """Write one block, into the open cell or below what there is."""
        for table in reversed(self._tables):
            if table.cell is not None:
                markers = "".join(self._first(container) for container in self._containers[table.depth :])
                table.cell.append(markers + " ".join(lines))
                return
        if self._lines and not self._tight:
            self._lines.append("".join(c.rest for c in self._containers if c.used).rstrip())
        self._tight = False
        first = "".join(self._first(container) for container in self._containers)
        rest = "".join(container.rest for container in self._containers)
        self._lines += [f"{rest if number else first}{line}".rstrip() for number, line in enumerate(lines)]

    def _first(self, container: _Container) -> str:
        before = container.rest if container.used else container.first
        container.used = True
        return before

    # Code.

    def _inside_pre(self, tag: str, attributes: Mapping[str, str]) -> None:
        if self._pre is None:
            return
        if tag == "code":
            self._language = self._language or _language(attributes)
        elif tag == "br" or (tag in _LINES_OF_CODE and self._pre and not self._pre[-1].endswith("\n")):
            self._pre.append("\n")

    def _end_pre(self) -> None:
        if self._pre is None:
            return
        code = "".join(self._pre).replace("\r\n", "\n").removeprefix("\n").rstrip()
        self._pre = None
        if code:
            self._lay_out_all()
            longest = max(map(len, re.findall("`+", code)), default=0)
            fence = "`" * max(3, longest + 1)
            self._emit([fence + self._language, *code.split("\n"), fence])

    # Tables.

    def _start_in_table(self, tag: str) -> None:
        if tag == "table":
            self._flush()
            self._lay_out_all()
            if len(self._tables) < _MOST_NESTED:
                self._tables.append(_Table(depth=len(self._containers)))
            return
        self._end_cell()
        if self._tables and not self._tables[-1].layout:
            table = self._tables[-1]
            if tag == "tr" or not table.rows:
                table.rows.append([])
            if tag != "tr":
                table.cell = []

    def _end_cell(self) -> None:
        self._flush()
        if self._tables:
            table = self._tables[-1]
            del self._containers[table.depth :]
            if table.cell is not None:
                table.rows[-1].append(" ".join(table.cell))
                table.cell = None

    def _end_table(self) -> None:
        self._end_cell()
        table = self._tables.pop()
        rows = [row for row in table.rows if any(row)]
        if all(len(row) == 1 for row in rows) or any(len(cell) > _LONGEST_CELL for row in rows for cell in row):
            for cell in (cell for row in rows for cell in row if cell):
                self._emit([cell])
        else:
            lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
            self._emit([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])

    def _lay_out_all(self) -> None:
        """Take the open tables for what holds the page together: their cells are written one below the other."""
        for table in self._tables:
            if not table.layout:
                table.layout = True
                cells = [cell for row in table.rows for cell in row] + (table.cell or [])
                table.rows, table.cell = [], None
                for cell in filter(None, cells):
                    self._emit([cell])


def _language(attributes: Mapping[str, str]) -> str:
    """Return the language of a block of code, from a class such as `language-python`."""
    for name in attributes.get("class", "").split():
        for start in ("language-", "lang-"):
            if name.startswith(start):
                return name.removeprefix(start)
    return ""
