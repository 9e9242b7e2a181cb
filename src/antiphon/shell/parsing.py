"""What a command line consists of, as bash will take it, or that it was not understood.

The grammar is a guess at bash that never refuses: it mends what is broken, takes text apart at places where bash does
not, and passes over characters that bash does not pass over. So its tree is believed only where a second look agrees:
every kind of node is one that is known here, every word is read again by itself, between two nodes there is nothing but
white space, and no command is named by a reserved word. Everything else is not understood.
"""

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, cast

from antiphon.shell.conditions import CONDITION_SIGNS, check_condition, is_pattern
from antiphon.shell.expansions import default_of, is_braced, is_calculation, is_simple
from antiphon.shell.grammar import syntax_of
from antiphon.shell.script import Joint, Redirection, Script, SimpleCommand, Word
from antiphon.shell.words import Hole, Unclear, check_text, read_word

if TYPE_CHECKING:
    from tree_sitter import Node

LONGEST = 20_000
"""Characters of a command that are looked at."""

_DEEPEST = 40
"""Levels of nesting; nobody reads more."""

# Of these, bash takes some for blanks and the grammar others, and some hide what stands behind them.
_ODD_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]")
_BLANKS = re.compile(r"[ \t]*")
_BLANKS_AND_LINES = re.compile(r"[ \t\n]*")
_RESERVED = frozenset({
    "if", "then", "elif", "else", "fi", "for", "select", "while", "until", "do", "done", "case", "esac", "in",
    "function", "{", "}", "[[", "]]", "!", "coproc",
})  # fmt: skip
_SUBSTITUTIONS = frozenset({"command_substitution", "process_substitution"})
_HOLES = _SUBSTITUTIONS | {"simple_expansion", "expansion", "arithmetic_expansion"}
_WORDS = _HOLES | {
    "word", "number", "string", "raw_string", "ansi_c_string", "concatenation", "brace_expression", "variable_name",
    "special_variable_name", "regex", "extglob_pattern", "test_operator", "command_name",
}  # fmt: skip
_SIMPLE = frozenset({
    "command", "declaration_command", "unset_command", "variable_assignment", "variable_assignments", "test_command",
})  # fmt: skip
_CONDITIONS = frozenset({"test_command", "unary_expression", "binary_expression", "parenthesized_expression"})
_AROUND_KEYWORDS = frozenset({b"", b" ", b"\t", b"\n", b";", b"&", b"|", b"(", b")", b"`"})
_FILE_OPERATORS = frozenset({"<", ">", ">>", ">|", "&>", "&>>", "<&", ">&"})
_WRITES = frozenset({">", ">>", ">|", "&>", "&>>"})
_NOT_POSIX = frozenset({"&>", "&>>", "<<<", "<<", "<<-"})
_DESCRIPTOR = re.compile(r"[0-9]+-?|-")
_ASSIGNS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\[.*\])?\+?=", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\[[0-9]+\])?")
_FUNCTION = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]*")
_DELIMITER = re.compile(
    r"""([A-Za-z_][A-Za-z0-9_]*)|'([A-Za-z_][A-Za-z0-9_]*)'|"([A-Za-z_][A-Za-z0-9_]*)"|\\([A-Za-z_]+)"""
)
_DESCRIPTOR_LIKE = re.compile(r"(?:.*[<>&| \t\n])?(?:[0-9]+|\{.*\})", re.DOTALL)
"""What before `<` or `>` would name a descriptor."""


@dataclass(slots=True)
class _Draft:
    """A simple command that is being put together."""

    start: int
    raw: str
    joint: Joint
    nested: bool
    words: list[Word] = field(default_factory=list[Word])
    assignments: list[tuple[str, Word]] = field(default_factory=list[tuple[str, Word]])
    redirections: list[Redirection] = field(default_factory=list[Redirection])

    def done(self) -> SimpleCommand:
        return SimpleCommand(
            tuple(self.words),
            tuple(self.assignments),
            tuple(self.redirections),
            self.joint,
            self.nested,
            self.raw,
        )


def parse(text: str) -> Script | None:
    """Return what a command line consists of; None when it was not understood. Never raises."""
    # What begins like an option would be one of the shell that is given it.
    if len(text) > LONGEST or _ODD_CHARACTERS.search(text) or text[:1] in {"-", "+"}:
        return None
    try:
        source = text.encode()
    except UnicodeEncodeError:
        return None
    root = syntax_of(source)
    if root.has_error:
        return None
    reader = _Reader(source)
    try:
        reader.read(root)
    except (Unclear, ValueError, LookupError):
        # Where nodes have other children than they should have, taking them apart fails.
        return None
    return Script(text, reader.commands(), reader.plain)


class _Reader:
    """Goes through a syntax tree once, and believes only what it can check."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._drafts: list[_Draft] = []
        self._depth = 0
        self._nested = 0
        self._here_documents: set[int] = set()
        self.plain = True

    def commands(self) -> tuple[SimpleCommand, ...]:
        """Return what was found, in the order it stands."""
        return tuple(draft.done() for draft in sorted(self._drafts, key=lambda draft: draft.start))

    def read(self, root: "Node") -> None:
        """Read a whole tree."""
        if root.type != "program":
            raise Unclear
        self._expect_blank(0, root.start_byte, lines=True)
        self._expect_blank(root.end_byte, len(self._source), lines=True)
        children = self._children(root, lines=True)
        self._read_statements(children)
        self.plain = self.plain and bool(self._drafts) and all(map(_is_known, self._drafts))

    # What every node has

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

    # Lists of statements

    def _read_statements(self, nodes: list["Node"]) -> None:
        """Read statements and what separates them."""
        joint: Joint = ""
        ready = True
        end = 0
        for node in nodes:
            if node.type == "comment":
                if self._nested:
                    raise Unclear  # whether it ends at a closing bracket, or swallows it, versions differ
                self.plain = False
                continue
            if node.type in {";", "&", "\n"}:
                # `;&` and the like are one sign, of another place.
                doubled = node.type == ";" and self._source[node.end_byte : node.end_byte + 1] in {b"&", b";", b"|"}
                if (ready and node.type != "\n") or doubled:
                    raise Unclear
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
        if self._depth > _DEEPEST:
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
        for node in nodes:
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
        if [child.type for child in children if child.type in _RESERVED] != keywords:
            raise Unclear
        block: list[Node] = []
        for child in [*children[1:], None]:
            if child is not None and child.type not in _RESERVED and not child.type.endswith("_clause"):
                block.append(child)
                continue
            if block:
                self._read_block(block)
                block = []
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
        self._read_words([subject])
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
            if self._word(pattern).raw in _RESERVED:
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
        if _FUNCTION.fullmatch(self._raw(name)) is None or self._raw(name) in _RESERVED:
            raise Unclear
        if body.type not in {"compound_statement", "subshell"}:
            raise Unclear
        draft = self._draft(name, "")
        draft.words = [Word("function", "function"), Word(self._raw(name), self._raw(name))]
        self._read_compound(body)
        self._redirect(body, redirections, [])

    # Simple commands

    def _draft(self, node: "Node", joint: Joint) -> _Draft:
        draft = _Draft(node.start_byte, self._raw(node), joint, self._nested > 0)
        self._drafts.append(draft)
        return draft

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

    def _check_name(self, draft: _Draft) -> None:
        """Make sure that the first word is a name of a command to the shell too."""
        if not draft.words:
            return
        raws = [word.raw for word in draft.words]
        if raws[0] == "time":
            # Known to the grammar as a program. To bash it is a reserved word, before others.
            raws = [raw for raw in raws if raw not in {"time", "-p", "--"}]
        if not raws or raws[0] in _RESERVED or _ASSIGNS.match(raws[0]):
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
        if node.type in _WORDS or not node.children:
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

    def _read_words(self, nodes: list["Node"]) -> list[Word]:
        self._check_apart(nodes)
        return [self._word(node) for node in nodes]

    def _word(self, node: "Node") -> Word:
        if node.is_named and node.type not in _WORDS:
            raise Unclear
        start = node.start_byte
        holes: list[Hole] = []
        for hole in self._holes(node):
            holes.append(self._place(hole, start))
            self._read_hole(hole)
        return read_word(self._raw(node), holes)

    # Expansions and substitutions

    def _holes(self, node: "Node") -> list["Node"]:
        """Return the outermost expansions and substitutions in a node."""
        if node.is_error or node.is_missing:
            raise Unclear
        if node.type in _HOLES:
            return [node]
        return [hole for child in node.children for hole in self._holes(child)]

    def _place(self, hole: "Node", start: int) -> Hole:
        """Return where an expansion stands in a text that begins at `start`, in characters."""
        # The grammar counts blanks before an expansion to it.
        blanks = len(self._raw(hole)) - len(self._raw(hole).lstrip())
        return len(self._text(start, hole.start_byte)) + blanks, len(self._text(start, hole.end_byte))

    def _read_hole(self, node: "Node") -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
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
            self._read_block(inner)

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

    # Redirections

    def _read_redirected(self, node: "Node", joint: Joint) -> None:
        body, *redirections = node.children
        if body.type.endswith("_redirect"):
            raise Unclear
        # The grammar loses a `-` before a here document, as in `python - <<END`.
        lost = self._text(body.end_byte, redirections[0].start_byte).strip(" \t") == "-"
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
        if last.type in _SIMPLE:
            drafts = [draft for draft in drafts if draft.start == last.start_byte][:1]
        self._check_apart([last, *redirections])
        for redirection in redirections:
            found, more = self._redirection(redirection)
            words = words + more
            for draft in drafts:
                draft.redirections += found
        if words and (last.type not in _SIMPLE or not drafts[0].words or last.type == "test_command"):
            raise Unclear
        for draft in drafts:
            draft.words += words

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
                if operator.endswith("&") and target.raw[0] == "-" and target.raw != "-":
                    raise Unclear  # to bash the `-` is the target, and the rest a word of its own
                return [Redirection(operator, target, _writes(operator, target))], words
            case _:
                raise Unclear

    def _here_document(self, node: "Node", children: list["Node"]) -> tuple[list[Redirection], list[Word]]:
        """Read a here document, and what stands behind its beginning on the same line."""
        _, beginning, *others, body, end = children
        delimiter = _DELIMITER.fullmatch(self._raw(beginning))
        if delimiter is None or (body.type, end.type) != ("heredoc_body", "heredoc_end"):
            raise Unclear
        line_end = self._source.find(b"\n", max(other.end_byte for other in (beginning, *others)))
        self._check_here_document(node, line_end, end, delimiter[delimiter.lastindex or 0])
        if self._raw(beginning) == delimiter[1]:
            self._check_text_of_document(line_end + 1, body, end.start_byte)
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


def _first(node: "Node") -> "Node":
    while node.type in {"pipeline", "list", "redirected_statement"}:
        node = node.children[0]
    return node


def _kinds(nodes: list["Node"], *positions: int) -> list[str]:
    return [nodes[position].type for position in positions]


def _writes(operator: str, target: Word) -> bool:
    if target.text is not None and target.text.startswith(("/dev/tcp/", "/dev/udp/")):
        return True
    if operator == ">&":
        return _DESCRIPTOR.fullmatch(target.raw) is None
    return operator in _WRITES and target.text != "/dev/null"


def _is_known(draft: _Draft) -> bool:
    targets = [redirection.target for redirection in draft.redirections]
    words = [*draft.words, *(word for _, word in draft.assignments), *targets]
    return bool(draft.words) and all(word is not None and word.text is not None for word in words)
