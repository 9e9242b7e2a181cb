"""Compaction: what a summary is asked for, and the new stretch of the conversation that begins with it. Pure.

A stretch is one user message: the summary, the user's last words as they were said, and what else the work goes on
from. Each part is a text block that begins with a line of its own, so that the next compaction finds them again; the
conversation needs no other memory. Knows nothing of how a summary is fetched.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from antiphon.agent.context import BYTES_PER_TOKEN, estimate
from antiphon.agent.turn import INTERRUPTED, RESUMED, UNRECORDED
from antiphon.protocol.messages import Json, blocks_of, is_array, is_object, kind_of, text_of, tool_results, tool_uses
from antiphon.tools.todos import KEPT as TODOS
from antiphon.tools.todos import Todo, rendered, todos_in

SUMMARY = "[Of the conversation up to here this summary is kept:]"
LAST_WORDS = "[The user's last message, word for word:]"
FILES = "[Files that were read or changed lately:]"
END = "[End of what was kept.]"

_ASK = """\
This conversation is about to be cut here to make room, and will go on from a summary that you write now. Nothing that \
is not in it will be known then{kept}. Do not call tools, do not go on with the work: reply with the summary as text.

Write it for yourself, as notes of somebody who takes the work over, complete and without phrases, under these headings:
## Task
What the user wants, with every requirement, limit and preference they stated, in their words where the words matter.
## Done
What was done and decided, and why; what was tried and did not work.
## Known
What was found out and is still needed, exactly: paths, names, signatures, commands that work, error texts.
## State
Which files changed and how, what runs, what was verified and what was not.
## Open
What is left to do, the next step first; questions without an answer."""

_KEPT_BESIDES = ", but for the user's last message, the todo list and the files read or changed last"

READS = frozenset({"read_file"})
CHANGES = frozenset({"edit_file", "write_file"})
_PATHS = "path", "file_path", "filename", "file"
_MOST_FILES = 20
_CHANGED, _SHOWN = " (changed)", ", as it is now:"
_NOTES = frozenset({INTERRUPTED, RESUMED, UNRECORDED})
_RESULT_CHARS = 6000, 1500, 400, 100
"""Of results and arguments in a conversation as text; the most that lets all of it fit."""


@dataclass(frozen=True, slots=True)
class TouchedFile:
    """A file that the model read or changed.

    Attributes:
        path: as the model named it.
        changed: it was changed, not only read.
        content: what is in it now, as the model reads it; empty where it is only named.
    """

    path: str
    changed: bool = False
    content: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a new stretch begins with, besides the summary.

    Attributes:
        last_words: blocks of the user's last message.
        todos: the todo list.
        files: files that were touched, the last one first.
        open: the model is in the middle of its work, or about to begin with it.
        searchable: the model can search what was said before.
    """

    last_words: Sequence[Json] = ()
    todos: Sequence[Todo] = ()
    files: Sequence[TouchedFile] = ()
    open: bool = True
    searchable: bool = False


def ask(instructions: str = "") -> str:
    """Return the text that asks for a summary.

    Args:
        instructions: what the user wants to be kept in mind above all.
    """
    text = _ASK.format(kept=_KEPT_BESIDES)
    return f"{text}\n\nThe user asks to keep above all: {instructions.strip()}" if instructions.strip() else text


def kept_in(messages: Sequence[Json], *, open: bool = True, searchable: bool = False) -> Kept:  # noqa: A002  (the word of `Kept`)
    """Return what of a conversation goes on in the next stretch as it is; files by name only."""
    return Kept(last_words(messages), todos_in(messages), touched_files(messages), open, searchable)


def stretch(summary: str, kept: Kept) -> Json:
    """Return the user message that a new stretch begins with."""
    content: list[Json] = [{"type": "text", "text": f"{SUMMARY}\n\n{summary.strip()}"}]
    if kept.last_words:
        content += [_part(LAST_WORDS), *kept.last_words]
    if kept.todos:
        content.append(_part(f"{TODOS}\n{rendered(kept.todos)}"))
    if kept.files:
        content.append(_part(f"{FILES}\n{_listed(kept.files)}"))
    where = " What was said before can be found with search_history." if kept.searchable else ""
    then = "Go on with the work where it stopped." if kept.open else "What the user says next follows."
    content.append(_part(f"{END}{where} {then}"))
    return {"role": "user", "content": content}


def fitting_stretch(summary: str, kept: Kept, most: int, *, cut: bool = True) -> Json | None:
    """Return the richest new stretch of at most so many tokens, or None where not even the barest fits.

    What is left out first: contents of files, from the one touched longest ago; then their names; then, if it may be
    `cut`, the end of the summary. What the user said last is never cut.
    """
    files = list(kept.files)
    while True:
        message = stretch(summary, _with(kept, files))
        if estimate([message]) <= most:
            return message
        shown = [index for index, file in enumerate(files) if file.content]
        if not shown:
            break
        files[shown[-1]] = TouchedFile(files[shown[-1]].path, files[shown[-1]].changed)
    bare = _with(kept, ())
    over = estimate([stretch(summary, bare)]) - most
    room = len(summary.strip()) - max(0, over) * BYTES_PER_TOKEN - 100
    if cut and over > 0 and room > 0:
        summary = f"{summary.strip()[:room]}\n[The summary was cut here.]"
    message = stretch(summary, bare)
    return message if estimate([message]) <= most else None


def is_stretch(message: Json) -> bool:
    """Say whether a message is the beginning of a stretch that a summary began."""
    content = blocks_of(message)
    return message.get("role") == "user" and bool(content) and _starts(content[0], SUMMARY)


def last_words(messages: Sequence[Json]) -> list[Json]:
    """Return the blocks of the last message that the user said themselves, without results and notes of ours."""
    for message in reversed(messages):
        if message.get("role") == "user" and (said := _said_by_user(message)):
            return said
    return []


def touched_files(messages: Sequence[Json]) -> list[TouchedFile]:
    """Return the files that calls of ours read or changed, and did not fail to, the last one first."""
    found: dict[str, bool] = {}
    failed: set[Any] = set()
    for message in reversed(messages):
        failed |= {block.get("tool_use_id") for block in tool_results(message) if block.get("is_error")}
        for call in reversed(list(tool_uses(message))):
            given: Any = call.get("input")
            name = call.get("name")
            if name not in READS | CHANGES or call.get("id") in failed or not is_object(given):
                continue
            path = next((given[key] for key in _PATHS if isinstance(given.get(key), str)), "")
            if path:
                found[path] = found.get(path, False) or name in CHANGES
        for path, changed in _named(message) if is_stretch(message) else ():
            found[path] = found.get(path, False) or changed
    return [TouchedFile(path, changed) for path, changed in list(found.items())[:_MOST_FILES]]


def as_text(messages: Iterable[Json], most: int) -> str:
    """Return a conversation as text of at most so many characters: for who cannot be sent the conversation itself.

    Thinking is left out, pictures are named, long results are cut; where that is not enough, the middle is missing.
    """
    conversation = list(messages)
    text = ""
    for longest in _RESULT_CHARS:
        text = "\n\n".join(_message_as_text(message, longest) for message in conversation)
        if len(text) <= most:
            return text
    head = most // 4
    return f"{text[:head]}\n\n[... the middle is left out ...]\n\n{text[head + 50 - most :]}"


def without_a_model(messages: Sequence[Json], reason: str, most: int) -> str:
    """Return what stands in for a summary that no model makes: the first and the latest words, cut to some length."""
    said: list[str] = []
    for message in messages:
        texts = [text_of({"content": [block]}) for block in _spoken(message)]
        text = "\n".join(part for part in texts if part.strip())
        if text:
            said.append(f"{'User' if message.get('role') == 'user' else 'You'}: {_cut(text, most // 4)}")
    first, rest = said[:1], said[1:]
    latest: list[str] = []
    room = most - sum(map(len, first))
    for text in reversed(rest):
        room -= len(text)
        if room < 0:
            latest.append("[...]")
            break
        latest.append(text)
    return "\n\n".join([f"(No summary could be made: {reason} What was said first and last:)", *first, *latest[::-1]])


def _with(kept: Kept, files: Sequence[TouchedFile]) -> Kept:
    return Kept(kept.last_words, kept.todos, files, kept.open, kept.searchable)


def _part(text: str) -> Json:
    # A model reads neighbouring blocks as one text.
    return {"type": "text", "text": f"\n\n{text}\n\n"}


def _starts(block: Json, label: str) -> bool:
    text = block.get("text")
    return kind_of(block) == "text" and isinstance(text, str) and text.lstrip("\n").startswith(label)


def _said_by_user(message: Json) -> list[Json]:
    content = blocks_of(message)
    if is_stretch(message):
        ends = [index for index, block in enumerate(content) if _starts(block, END)]
        end = ends[-1] if ends else len(content) - 1
        newer = _own(content[end + 1 :])
        if newer:
            return newer
        begins = next((index for index, block in enumerate(content) if _starts(block, LAST_WORDS)), end)
        between = content[begins + 1 : end]
        while between and (_starts(between[-1], TODOS) or _starts(between[-1], FILES)):
            between = between[:-1]
        return between
    return _own(content)


def _own(content: Iterable[Json]) -> list[Json]:
    """Return the blocks that the user said: no results, and none of the notes that stand behind them."""
    return [block for block in content if kind_of(block) != "tool_result" and block.get("text") not in _NOTES]


def _spoken(message: Json) -> list[Json]:
    return _own(block for block in blocks_of(message) if kind_of(block) == "text")


def _named(message: Json) -> Iterator[tuple[str, bool]]:
    """Yield the files that a stretch names, and whether they were changed. Lines of contents begin with a number."""
    for block in blocks_of(message):
        for line in str(block["text"]).splitlines() if _starts(block, FILES) else ():
            if line.startswith("- "):
                path = line.removeprefix("- ").removesuffix(_SHOWN)
                yield path.removesuffix(_CHANGED), path.endswith(_CHANGED)


def _listed(files: Iterable[TouchedFile]) -> str:
    lines: list[str] = []
    for file in files:
        lines.append(f"- {file.path}{_CHANGED if file.changed else ''}{_SHOWN if file.content else ''}")
        if file.content:
            lines.append(f"{file.content}\n")
    return "\n".join(lines)


def _message_as_text(message: Json, longest: int) -> str:
    who = "User" if message.get("role") == "user" else "Assistant"
    parts = [_block_as_text(block, longest) for block in blocks_of(message)]
    return "\n".join([f"# {who}", *(part for part in parts if part)])


def _block_as_text(block: Json, longest: int) -> str:
    kind = kind_of(block)
    show: dict[str, Callable[[], str]] = {
        "text": lambda: str(block.get("text", "")),
        "tool_use": lambda: f"(calls {block.get('name')} {_cut(_json(block.get('input')), longest)})",
        "tool_result": lambda: (
            f"({'failure' if block.get('is_error') else 'result'}: {_cut(_result_text(block), longest)})"
        ),
        "image": lambda: "(an image)",
        "document": lambda: "(a document)",
    }
    return show[kind]() if kind in show else ""


def _result_text(block: Json) -> str:
    content: Any = block.get("content")
    pictures = sum(kind_of(part) == "image" for part in content if is_object(part)) if is_array(content) else 0
    return text_of(block) + (f" ({pictures} image{'' if pictures == 1 else 's'})" if pictures else "")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _cut(text: str, longest: int) -> str:
    """Return head and tail of a text that is too long."""
    if len(text) <= longest:
        return text
    return f"{text[: longest * 2 // 3]} [...] {text[len(text) - longest // 3 :]}"
