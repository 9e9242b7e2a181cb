"""Words in a syntax tree, and the expansions and substitutions in them."""

from abc import abstractmethod
from typing import TYPE_CHECKING

from antiphon.shell.drafts import Draft
from antiphon.shell.expansions import default_of, is_braced, is_calculation, is_simple
from antiphon.shell.nodes import EXPANSIONS, Nodes
from antiphon.shell.script import Joint, Redirection, Word
from antiphon.shell.words import Hole, Unclear, read_word

if TYPE_CHECKING:
    from tree_sitter import Node

DEEPEST = 100
"""Levels of nesting, and commands in a list; nobody reads more."""
WORDS = EXPANSIONS | {
    "word", "number", "string", "raw_string", "ansi_c_string", "concatenation", "brace_expression", "variable_name",
    "special_variable_name", "regex", "extglob_pattern", "test_operator", "command_name",
}  # fmt: skip
RESERVED = frozenset({
    "if", "then", "elif", "else", "fi", "for", "select", "while", "until", "do", "done", "case", "esac", "in",
    "function", "{", "}", "[[", "]]", "!", "coproc",
})  # fmt: skip
"""Words that are no names of commands."""


class WordNodes(Nodes):
    """Reads words. What is in substitutions is read by those who know of commands.

    Attributes:
        plain: what was read so far is what every shell takes alike.
    """

    def __init__(self, source: bytes) -> None:
        """Read the words of this text."""
        super().__init__(source)
        self._drafts: list[Draft] = []
        self._depth = 0
        self._nested = 0
        self._substituted = 0
        self.plain = True

    @abstractmethod
    def _read_block(self, nodes: list["Node"]) -> None:
        """Read the statements between brackets or reserved words."""

    @abstractmethod
    def _redirection(self, node: "Node") -> tuple[list[Redirection], list[Word]]:
        """Return a redirection, and the arguments that the grammar takes for further targets of it."""

    def _draft(self, node: "Node", joint: Joint) -> Draft:
        draft = Draft(node.start_byte, self._raw(node), joint, self._nested > 0)
        self._drafts.append(draft)
        return draft

    def _read_words(self, nodes: list["Node"]) -> list[Word]:
        self._check_apart(nodes)
        return [self._word(node) for node in nodes]

    def _word(self, node: "Node") -> Word:
        if node.is_named and node.type not in WORDS:
            raise Unclear
        start = node.start_byte
        holes: list[Hole] = []
        for hole in self._holes(node):
            holes.append(self._place(hole, start))
            self._read_hole(hole)
        return read_word(self._raw(node), holes)

    def _read_hole(self, node: "Node") -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise Unclear
        raw = self._raw(node).lstrip()
        match node.type:
            case "simple_expansion" if is_simple(raw):
                pass
            case "expansion":
                self._read_braced(node, raw)
            case "arithmetic_expansion" if raw.startswith("$((") and raw.endswith("))"):
                if not is_calculation(raw[3:-2]):
                    raise Unclear
            case "command_substitution" | "process_substitution":
                self._read_substitution(node, raw)
            case _:
                raise Unclear
        self._depth -= 1

    def _read_substitution(self, node: "Node", raw: str) -> None:
        if raw[0] == "`" and set(raw[1:-1]) & set('`\\"'):
            raise Unclear
        # The first may begin with blanks that are counted to it.
        first, *inner, last = self._children(node, lines=True)
        opening, closing = self._raw(first).lstrip(), self._raw(last)
        if (opening, closing) not in {("$(", ")"), ("`", "`"), ("<(", ")"), (">(", ")")}:
            raise Unclear
        if len(inner) == 1 and inner[0].type == "file_redirect":
            draft = self._draft(inner[0], "")
            draft.nested = True
            draft.redirections, draft.words = self._redirection(inner[0])
            if draft.words:
                raise Unclear
        else:
            self._substituted += 1
            self._read_block(inner)
            self._substituted -= 1

    def _read_braced(self, node: "Node", raw: str) -> None:
        if is_braced(raw):
            return
        holes = [hole for child in node.children for hole in self._holes(child)]
        start = node.end_byte - len(raw.encode())
        default = default_of(raw, [self._place(hole, start) for hole in holes])
        if default is None:
            raise Unclear
        for hole in holes:
            self._read_hole(hole)
        name, operator = default
        if operator.endswith("="):
            draft = self._draft(node, "")
            draft.nested = True
            draft.assignments.append((name, Word(raw, None)))

    def _check_calculation(self, start: int, end: int) -> None:
        if not is_calculation(self._text(start, end)):
            raise Unclear
