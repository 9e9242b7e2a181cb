"""Nodes of a syntax tree, taken only where there is nothing between them that the tree does not tell of.

Knows where one word, comment or reserved word ends for bash; nothing of what they mean.
"""

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from antiphon.shell.words import Hole, Unclear

if TYPE_CHECKING:
    from tree_sitter import Node

EXPANSIONS = frozenset(
    {"simple_expansion", "expansion", "arithmetic_expansion", "command_substitution", "process_substitution"}
)
_BLANKS = re.compile(r"[ \t]*")
_BLANKS_AND_LINES = re.compile(r"[ \t\n]*")
_AROUND_KEYWORDS = frozenset({b"", b" ", b"\t", b"\n", b";", b"&", b"|", b"(", b")"})
_DESCRIPTOR_LIKE = re.compile(r"(?:.*[<>&| \t\n])?(?:[0-9]+|\{.*\})", re.DOTALL)
"""What before `<` or `>` would name a descriptor."""


class Nodes:
    """Takes nodes of one text apart. All of its methods raise `Unclear` where bash may see something else."""

    def __init__(self, source: bytes) -> None:
        """Read the nodes of this text."""
        self._source = source

    def _text(self, start: int, end: int) -> str:
        return self._source[start:end].decode()

    def _raw(self, node: "Node") -> str:
        return self._text(node.start_byte, node.end_byte)

    def _expect_blank(self, start: int, end: int, *, lines: bool) -> None:
        gap = self._text(start, end)
        rest = gap.replace("\\\n", "")
        # A line that goes on without a blank goes on with the same word.
        if (rest != gap and not rest) or not (_BLANKS_AND_LINES if lines else _BLANKS).fullmatch(rest):
            raise Unclear

    def _children(self, node: "Node", *, lines: bool = False) -> list["Node"]:
        """Return the children of a node, between which there is nothing but blanks, or lines."""
        at = node.start_byte
        children = node.children
        for child in children:
            if child.is_error or child.is_missing:
                raise Unclear
            self._expect_blank(at, child.start_byte, lines=lines)
            if child.type == "comment":
                self._check_comment(child)
            elif child.type.isalpha() and not child.is_named:
                self._check_keyword(child)
            at = child.end_byte
        self._expect_blank(at, node.end_byte, lines=lines)
        return children

    def _check_comment(self, node: "Node") -> None:
        before = self._source[max(node.start_byte - 1, 0) : node.start_byte]
        after = self._source[node.end_byte : node.end_byte + 1]
        if before not in {b"", b" ", b"\t", b"\n", b";"} or after not in {b"", b"\n"} or "\n" in self._raw(node):
            raise Unclear

    def _check_keyword(self, node: "Node") -> None:
        before = self._source[max(node.start_byte - 1, 0) : node.start_byte]
        after = self._source[node.end_byte : node.end_byte + 1]
        if before not in _AROUND_KEYWORDS or after not in _AROUND_KEYWORDS:
            raise Unclear

    def _check_apart(self, nodes: list["Node"]) -> None:
        """Make sure that what follows each other would not be one word, or another thing, to the shell."""
        for before, after in pairwise(nodes):
            if before.end_byte == after.start_byte and (
                not after.type.endswith("_redirect")
                or after.children[0].type == "file_descriptor"
                or _DESCRIPTOR_LIKE.fullmatch(self._raw(before))
            ):
                raise Unclear

    def _holes(self, node: "Node") -> list["Node"]:
        """Return the outermost expansions and substitutions in a node."""
        if node.is_error or node.is_missing:
            raise Unclear
        if node.type in EXPANSIONS:
            return [node]
        return [hole for child in node.children for hole in self._holes(child)]

    def _place(self, hole: "Node", start: int) -> Hole:
        """Return where an expansion stands in a text that begins at `start`, in characters."""
        # The grammar counts blanks before an expansion to it.
        blanks = len(self._raw(hole)) - len(self._raw(hole).lstrip())
        return len(self._text(start, hole.start_byte)) + blanks, len(self._text(start, hole.end_byte))
