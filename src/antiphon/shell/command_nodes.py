"""Simple commands in a syntax tree, with their assignments and redirections."""

import re
from abc import abstractmethod
from itertools import pairwise
from typing import TYPE_CHECKING

from antiphon.shell.conditions import CONDITION_SIGNS, check_condition, is_pattern
from antiphon.shell.drafts import Draft
from antiphon.shell.redirection_nodes import RedirectionNodes
from antiphon.shell.script import Joint, Word
from antiphon.shell.word_nodes import RESERVED, WORDS
from antiphon.shell.words import Unclear

if TYPE_CHECKING:
    from tree_sitter import Node

SIMPLE = frozenset({
    "command", "declaration_command", "unset_command", "variable_assignment", "variable_assignments", "test_command",
})  # fmt: skip
"""Kinds of nodes that are one simple command."""
_CONDITIONS = frozenset({"test_command", "unary_expression", "binary_expression", "parenthesized_expression"})
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\[[0-9]+\])?")
_ASSIGNS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\[.*\])?\+?=", re.DOTALL)


class CommandNodes(RedirectionNodes):
    """Reads simple commands and what they read from and write to."""

    @abstractmethod
    def _read_statement(self, node: "Node", joint: Joint) -> None:
        """Read any command."""

    def _read_simple(self, node: "Node", joint: Joint) -> None:
        draft = self._draft(node, joint)
        parts = [node] if node.type == "variable_assignment" else self._children(node)
        self._check_apart(parts)
        for part in parts:
            if part.type == "variable_assignment" and not draft.words:
                draft.assignments.append(self._assignment(part))
            elif part.type == "variable_assignment":
                draft.words.append(self._assigning_word(part))
            elif part.type.endswith("_redirect"):
                found, words = self._redirection(part)
                draft.redirections += found
                draft.words += words
            else:
                draft.words.append(self._word(part))
        self._check_name(draft)

    def _check_name(self, draft: Draft) -> None:
        """Make sure that the first word is a name of a command to the shell too."""
        if not draft.words:
            return
        raws = [word.raw for word in draft.words]
        if raws[0] == "time":
            # Known to the grammar as a program. To bash it is a reserved word, before others.
            raws = [raw for raw in raws if raw not in {"time", "-p", "--"}]
        if not raws or raws[0] in RESERVED or _ASSIGNS.match(raws[0]):
            raise Unclear

    def _read_condition(self, node: "Node", joint: Joint) -> None:
        """Read `[ ... ]`, an ordinary command that the grammar takes for more, or `[[ ... ]]`."""
        draft = self._draft(node, joint)
        pieces = self._pieces(node)
        raws = [self._raw(piece) for piece in pieces]
        if (raws[0], raws[-1]) not in {("[", "]"), ("[[", "]]")}:
            raise Unclear
        for before, after in pairwise(pieces):
            if before.end_byte == after.start_byte and not (
                raws[0] == "[[" and {before.type, after.type} & {"(", ")"} and after is not pieces[-1]
            ):
                raise Unclear
        if raws[0] == "[":
            draft.words = [self._word(piece) for piece in pieces]
            return
        self.plain = False
        check_condition(raws)
        for piece, raw in zip(pieces, raws, strict=True):
            if raw in CONDITION_SIGNS or (piece.type in {"regex", "extglob_pattern"} and is_pattern(raw)):
                draft.words.append(Word(raw, raw))
            else:
                draft.words.append(self._word(piece))

    def _pieces(self, node: "Node") -> list["Node"]:
        """Return words and operators of a condition."""
        if node.type in WORDS or not node.children:
            return [node]
        if node.type not in _CONDITIONS:
            raise Unclear
        return [piece for child in self._children(node) for piece in self._pieces(child)]

    def _assignment(self, node: "Node") -> tuple[str, Word]:
        name, operator, *values = self._children(node)
        variable = self._raw(name)
        if _VARIABLE.fullmatch(variable) is None or operator.type not in {"=", "+="} or len(values) > 1:
            raise Unclear
        if name.end_byte != operator.start_byte or (values and values[0].start_byte != operator.end_byte):
            raise Unclear
        if not values:
            return variable, Word("", "")
        value = values[0]
        if value.type == "array":
            opening, *elements, closing = self._children(value, lines=True)
            if (opening.type, closing.type) != ("(", ")"):
                raise Unclear
            self._check_apart(elements)
            # Subscripts are arithmetic.
            if any(word.raw.startswith("[") for word in self._read_words(elements)):
                raise Unclear
            return variable, Word(self._raw(value), None)
        return variable, self._word(value)

    def _assigning_word(self, node: "Node") -> Word:
        """Return an assignment that is an argument, as of `export`."""
        name, value = self._assignment(node)
        del name
        raw = self._raw(node)
        head = raw.removesuffix(value.raw)
        return Word(raw, None if value.text is None else head + value.text)

    def _read_redirected(self, node: "Node", joint: Joint) -> None:
        body, *redirections = node.children
        if body.type.endswith("_redirect"):
            raise Unclear
        # The grammar loses a `-` before a here document, as in `python - <<END`.
        gap = self._text(body.end_byte, redirections[0].start_byte)
        lost = len(redirections) == 1 and re.fullmatch(r"[ \t]+-[ \t]*", gap) is not None
        if not lost:
            self._children(node)
        self._read_statement(body, joint)
        self._redirect(body, redirections, [Word("-", "-")] if lost else [])

    def _redirect(self, body: "Node", redirections: list["Node"], words: list[Word]) -> None:
        """Add redirections to what they are for: the last command of a list, or all of a group."""
        last = body
        while last.type in {"pipeline", "list", "negated_command", "redirected_statement"}:
            last = [child for child in last.children if not child.type.endswith("_redirect")][-1]
        drafts = [draft for draft in self._drafts if last.start_byte <= draft.start < last.end_byte]
        if last.type in SIMPLE:
            drafts = [draft for draft in drafts if draft.start == last.start_byte][:1]
        self._check_apart([last, *redirections])
        if redirections and not drafts:
            drafts = [self._draft(last, "")]
        for redirection in redirections:
            found, more = self._redirection(redirection)
            words = words + more
            for draft in drafts:
                draft.redirections += found
        if words and (last.type not in SIMPLE or not drafts[0].words or last.type == "test_command"):
            raise Unclear
        for draft in drafts:
            draft.words += words
