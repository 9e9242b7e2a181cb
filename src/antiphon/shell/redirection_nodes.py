"""Redirections in a syntax tree, and here documents."""

import re
from abc import abstractmethod
from typing import TYPE_CHECKING

from antiphon.shell.script import Joint, Redirection, Word
from antiphon.shell.word_nodes import WordNodes
from antiphon.shell.words import Unclear, check_text

if TYPE_CHECKING:
    from tree_sitter import Node

_AFTER_DELIMITER = frozenset({" ", "\t", "\n", "|", "&", ">", "<"})
_FILE_OPERATORS = frozenset({"<", ">", ">>", ">|", "&>", "&>>", "<&", ">&"})
_WRITES = frozenset({">", ">>", ">|", "&>", "&>>"})
_NOT_POSIX = frozenset({"&>", "&>>", "<<<", "<<", "<<-"})
_DESCRIPTOR = re.compile(r"[0-9]+-?|-")
_DUPLICATES = re.compile(r"[0-9]+-?|-|[A-Za-z0-9_./][A-Za-z0-9_./-]*")
_DELIMITER = re.compile(r"""(\w+)|'(\w+)'|"(\w+)"|\\(\w+)""", re.ASCII)


class RedirectionNodes(WordNodes):
    """Reads where commands read from and write to."""

    def __init__(self, source: bytes) -> None:
        """Read the redirections of this text."""
        super().__init__(source)
        self._here_documents: set[int] = set()

    @abstractmethod
    def _read_joined(self, nodes: list["Node"], joint: Joint | None = None) -> None:
        """Read what is joined by operators; without `joint` one comes first."""

    def _redirection(self, node: "Node") -> tuple[list[Redirection], list[Word]]:
        """Return a redirection, and the arguments that the grammar takes for further targets of it."""
        self.plain = self.plain and node.type == "file_redirect"
        children = self._children(node, lines=node.type == "heredoc_redirect")
        if children[0].type == "file_descriptor":
            if children[0].end_byte != children[1].start_byte:
                raise Unclear
            children = children[1:]
        operator = children[0].type
        self.plain = self.plain and operator not in _NOT_POSIX
        match node.type:
            case "herestring_redirect" if operator == "<<<" and len(children) == 2:
                return [Redirection(operator, self._word(children[1]), writes=False)], []
            case "heredoc_redirect" if operator in {"<<", "<<-"}:
                return self._here_document(node, children)
            case "file_redirect" if operator in {"<&-", ">&-"} and len(children) == 1:
                return [Redirection(operator[:2], Word("-", "-"), writes=False)], []
            case "file_redirect" if operator in _FILE_OPERATORS and len(children) > 1:
                target, *words = self._read_words(children[1:])
                # Of `-x` bash takes the `-` for the target. What is no number it expands a second time.
                if operator.endswith("&") and _DUPLICATES.fullmatch(target.raw) is None:
                    raise Unclear
                return [Redirection(operator, target, _writes(operator, target))], words
            case _:
                raise Unclear

    def _here_document(self, node: "Node", children: list["Node"]) -> tuple[list[Redirection], list[Word]]:
        """Read a here document, and what stands behind its beginning on the same line."""
        _, beginning, *others, body, end = children
        delimiter = _DELIMITER.fullmatch(self._raw(beginning))
        after = self._text(beginning.end_byte, beginning.end_byte + 1)
        if (
            delimiter is None
            or after not in _AFTER_DELIMITER
            or (body.type, end.type) != ("heredoc_body", "heredoc_end")
        ):
            raise Unclear
        line_end = self._source.find(b"\n", max(other.end_byte for other in (beginning, *others)))
        self._check_here_document(node, line_end, end, delimiter[delimiter.lastindex or 0])
        if self._raw(beginning) == delimiter[1]:
            self._check_text_of_document(line_end + 1, body, end.start_byte)
        self._check_apart([other for other in others if other.is_named and other.type != "pipeline"])
        redirections = [Redirection("<<", None, writes=False)]
        words: list[Word] = []
        rest: list[Node] = []
        for other in others:
            if rest or not other.is_named or other.type == "pipeline":
                rest += other.children if other.type == "pipeline" and not rest else [other]
            elif other.type.endswith("_redirect"):
                found, more = self._redirection(other)
                redirections += found
                words += more
            else:
                words.append(self._word(other))
        if rest:
            self._read_joined(rest)
        return redirections, words

    def _check_here_document(self, node: "Node", line_end: int, end: "Node", delimiter: str) -> None:
        """Make sure that a here document begins and ends where it does for the shell."""
        tabs = node.children[0].type == "<<-"
        line = self._source[node.start_byte : line_end]
        if line_end < 0 or b"\n" in line or line_end in self._here_documents:
            raise Unclear
        self._here_documents.add(line_end)
        lines = self._source[line_end + 1 :].split(b"\n")
        last = [(line.lstrip(b"\t") if tabs else line) for line in lines].index(delimiter.encode())
        if end.end_byte != line_end + 1 + sum(map(len, lines[: last + 1])) + last or end.end_byte != node.end_byte:
            raise Unclear

    def _check_text_of_document(self, start: int, body: "Node", end: int) -> None:
        """Read the expansions in a here document whose delimiter is not quoted."""
        nodes = self._holes(body)
        holes = [self._place(hole, start) for hole in nodes]
        check_text(self._text(start, end), holes)
        for hole in nodes:
            self._read_hole(hole)


def _writes(operator: str, target: Word) -> bool:
    if target.text is not None and target.text.startswith(("/dev/tcp/", "/dev/udp/")):
        return True
    if operator == ">&":
        return _DESCRIPTOR.fullmatch(target.raw) is None
    return operator in _WRITES and target.text != "/dev/null"
