"""What a command line consists of, as bash will take it, or that it was not understood.

The grammar is a guess at bash that never refuses: it mends what is broken, takes text apart at places where bash does
not, and passes over characters that bash does not pass over. So its tree is believed only where a second look agrees:
every kind of node is one that is known here, every word is read again by itself, between two nodes there is nothing but
white space, and no command is named by a reserved word. Everything else is not understood.
"""

import re
from typing import TYPE_CHECKING, cast

from antiphon.shell.command_nodes import CommandNodes
from antiphon.shell.grammar import syntax_of
from antiphon.shell.script import Joint, Script, SimpleCommand, Word
from antiphon.shell.word_nodes import DEEPEST, RESERVED
from antiphon.shell.words import Unclear

if TYPE_CHECKING:
    from tree_sitter import Node

LONGEST = 20_000
"""Characters of a command that are looked at."""

# Of these, bash takes some for blanks and the grammar others, and some hide what stands behind them.
_ODD_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FUNCTION = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]*")


def parse(text: str) -> Script | None:
    """Return what a command line consists of; None when it was not understood. Never raises."""
    # What begins like an option would be one of the shell that is given it.
    if len(text) > LONGEST or _ODD_CHARACTERS.search(text) or text[:1] in {"-", "+"}:
        return None
    try:
        source = text.encode()
    except UnicodeEncodeError:
        return None
    reader = _Reader(source)
    try:
        reader.read(syntax_of(source))
    except (Unclear, ValueError, LookupError, RecursionError):
        # Where nodes have other children than they should have, taking them apart fails.
        return None
    return Script(text, reader.commands(), reader.plain)


class _Reader(CommandNodes):
    """Goes through a syntax tree once, and believes only what it can check."""

    def commands(self) -> tuple[SimpleCommand, ...]:
        """Return what was found, in the order it stands."""
        return tuple(draft.done() for draft in sorted(self._drafts, key=lambda draft: draft.start))

    def read(self, root: "Node") -> None:
        """Read a whole tree."""
        if root.type != "program" or root.has_error:
            raise Unclear
        self._expect_blank(0, root.start_byte, lines=True)
        self._expect_blank(root.end_byte, len(self._source), lines=True)
        children = self._children(root, lines=True)
        self._read_statements(children)
        self.plain = self.plain and bool(self._drafts) and all(draft.is_known() for draft in self._drafts)

    # Lists of statements

    def _read_statements(self, nodes: list["Node"]) -> None:
        """Read statements and what separates them."""
        joint: Joint = ""
        ready = True
        end = 0
        for node in nodes:
            if node.type == "comment":
                if self._substituted:
                    raise Unclear  # whether it ends at a closing bracket, or swallows it, versions differ
                self.plain = False
                continue
            if node.type in {";", "&", "\n"}:
                # `;&` and the like are one sign, of another place.
                doubled = node.type == ";" and self._source[node.end_byte : node.end_byte + 1] in {b"&", b";", b"|"}
                if (ready and node.type != "\n") or doubled:
                    raise Unclear
                if node.type != "\n":
                    self._expect_blank(end, node.start_byte, lines=False)
                joint = "&" if node.type == "&" else ";" if joint != "&" or not ready else joint
                self.plain = self.plain and node.type != "&"
                ready = True
                continue
            if not ready:
                if "\n" not in self._text(end, node.start_byte).replace("\\\n", ""):
                    raise Unclear
                joint = ";"
            self._read_statement(node, joint)
            ready, end = False, node.end_byte

    def _read_statement(self, node: "Node", joint: Joint) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise Unclear
        match node.type:
            case "command" | "declaration_command" | "unset_command" | "variable_assignment" | "variable_assignments":
                self._read_simple(node, joint)
            case "test_command":
                self._read_condition(node, joint)
            case "redirected_statement":
                self._read_redirected(node, joint)
            case "pipeline" | "list":
                self._read_joined(self._children(node, lines=True), joint)
            case "negated_command":
                self.plain = False
                sign, negated = self._children(node)
                if sign.type != "!" or sign.end_byte == negated.start_byte:
                    raise Unclear
                self._read_statement(negated, joint)
            case _:
                self._read_compound(node)
        self._depth -= 1

    def _read_joined(self, nodes: list["Node"], joint: Joint | None = None) -> None:
        """Read what is joined by operators; without `joint` one comes first."""
        ready = joint is not None
        end = nodes[0].start_byte
        for node in nodes:
            # Lines may end after an operator, not before one.
            self._expect_blank(end, node.start_byte, lines=ready)
            end = node.end_byte
            if node.type in {"|", "|&", "&&", "||"} and not ready:
                joint = cast("Joint", node.type)
                self.plain = self.plain and joint != "|&"
                ready = True
            elif ready and node.is_named and node.type != "comment":
                if joint in {"|", "|&"} and _first(node).type == "negated_command":
                    raise Unclear
                self._read_statement(node, joint or "")
                ready = False
            else:
                raise Unclear
        if ready:
            raise Unclear

    # Compound commands

    def _read_compound(self, node: "Node") -> None:
        self.plain = False
        children = self._children(node, lines=True)
        match node.type:
            case "subshell" if _kinds(children, 0, -1) == ["(", ")"]:
                self._read_block(children[1:-1])
            case "compound_statement" if _kinds(children, 0, -1) == ["{", "}"]:
                self._check_apart(children[:2])
                self._read_block(children[1:-1])
            case "compound_statement" if _kinds(children, 0, -1) == ["((", "))"]:
                self._check_calculation(children[0].end_byte, children[-1].start_byte)
            case "if_statement":
                self._read_sections(children, ["if", "then", "fi"])
            case "elif_clause":
                self._read_sections(children, ["elif", "then"])
            case "else_clause":
                self._read_sections(children, ["else"])
            case _:
                self._read_long(node.type, children)

    def _read_long(self, kind: str, children: list["Node"]) -> None:
        match kind:
            case "while_statement" if children[0].type in {"while", "until"}:
                self._read_block(children[1:-1])
                self._read_do(children[-1])
            case "for_statement":
                self._read_for(children)
            case "case_statement":
                self._read_case(children)
            case "function_definition":
                self._read_function(children)
            case _:
                raise Unclear

    def _read_block(self, nodes: list["Node"]) -> None:
        """Read the statements between brackets or reserved words."""
        if not any(node.is_named for node in nodes):
            raise Unclear
        self._nested += 1
        self._read_statements(nodes)
        self._nested -= 1

    def _read_sections(self, children: list["Node"], keywords: list[str]) -> None:
        """Read statements, between some reserved words and before further clauses."""
        if [child.type for child in children if child.type in RESERVED] != keywords:
            raise Unclear
        block: list[Node] | None = []
        for child in [*children[1:], None]:
            if child is not None and child.type not in RESERVED and not child.type.endswith("_clause"):
                block = [*(block or []), child]
                continue
            if block is not None:
                self._read_block(block)
            # After a clause there comes another one, or the end.
            block = [] if child is not None and child.type in RESERVED - {"fi"} else None
            if child is not None and child.type.endswith("_clause"):
                self._read_compound(child)

    def _read_do(self, node: "Node") -> None:
        children = self._children(node, lines=True)
        if node.type != "do_group" or _kinds(children, 0, -1) != ["do", "done"]:
            raise Unclear
        self._read_block(children[1:-1])

    def _read_for(self, children: list["Node"]) -> None:
        """Read a loop over words. Its variable is set by it, so that is told as an assignment of each word."""
        keyword, name, *middle, body = children
        if keyword.type != "for" or _NAME.fullmatch(self._raw(name)) is None:
            raise Unclear
        self._expect_blank(keyword.end_byte, name.start_byte, lines=False)
        if middle and middle[-1].type in {";", "\n"}:
            middle.pop()
        if middle and middle.pop(0).type != "in":
            raise Unclear
        words = self._read_words(middle) if middle else [Word('"$@"', None)]
        draft = self._draft(name, "")
        draft.nested = True
        draft.assignments = [(self._raw(name), word) for word in words]
        self._read_do(body)

    def _read_case(self, children: list["Node"]) -> None:
        keyword, subject, *items, end = children
        items = [item for item in items if item.type != "\n"]
        if keyword.type != "case" or items.pop(0).type != "in" or end.type != "esac":
            raise Unclear
        self._expect_blank(keyword.end_byte, subject.start_byte, lines=False)
        self._word(subject)
        for number, item in enumerate(items, 1):
            if not self._read_case_item(item) and number < len(items):
                raise Unclear

    def _read_case_item(self, item: "Node") -> bool:
        """Read patterns and statements; tell whether they end in `;;` or the like."""
        parts = self._children(item, lines=True)
        kinds = [part.type for part in parts]
        if item.type != "case_item" or ")" not in kinds:
            raise Unclear
        patterns = parts[kinds[0] == "(" : kinds.index(")")]
        body = parts[kinds.index(")") + 1 :]
        if [part.type == "|" for part in patterns] != [bool(number % 2) for number in range(len(patterns))]:
            raise Unclear
        for pattern in patterns[::2]:
            if self._word(pattern).raw in RESERVED:
                raise Unclear
        ends = bool(body) and body[-1].type in {";;", ";&", ";;&"}
        if ends:
            body.pop()
        elif body and body[-1].type not in {";", "&", "\n"}:
            # Else `esac` is an argument.
            following = self._source[body[-1].end_byte :].replace(b"\\\n", b"").lstrip(b" \t")
            if following[:1] != b"\n":
                raise Unclear
        if body:
            self._read_block(body)
        return ends

    def _read_function(self, children: list["Node"]) -> None:
        """Read a function, which is told as a command that begins with `function`, and what is in it."""
        parts = [child for child in children if child.type not in {"function", "(", ")"}]
        name, body, *redirections = parts
        if children[0].type == "function":
            self._expect_blank(children[0].end_byte, name.start_byte, lines=False)
        if _FUNCTION.fullmatch(self._raw(name)) is None or self._raw(name) in RESERVED:
            raise Unclear
        if body.type not in {"compound_statement", "subshell"} or body.start_byte == name.end_byte:
            raise Unclear
        draft = self._draft(name, "")
        draft.words = [Word("function", "function"), Word(self._raw(name), self._raw(name))]
        self._read_compound(body)
        self._redirect(body, redirections, [])


def _first(node: "Node") -> "Node":
    while node.type in {"pipeline", "list", "redirected_statement"}:
        node = node.children[0]
    return node


def _kinds(nodes: list["Node"], *positions: int) -> list[str]:
    return [nodes[position].type for position in positions]
