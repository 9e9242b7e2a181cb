"""A session as Markdown, to read, to paste into an issue, or to keep beside the code."""

import json
import re
from collections.abc import Iterator, Sequence

from antiphon.sessions.export.parts import facts, medium, telling, visible, when
from antiphon.sessions.export.story import Call, Item, Prompt, Reply, Thought, told
from antiphon.sessions.listing.summary import Summary
from antiphon.sessions.records import Entry

_FENCE = re.compile(r" {0,3}(?P<mark>`{3,}|~{3,})(?P<info>[^`]*)$")
_CODE = re.compile(r"(`+[^`]+`+)")
_TAG = re.compile(r"<(?=[A-Za-z/!?])(?!https?:)")


def to_markdown(summary: Summary, entries: Sequence[Entry]) -> str:
    """Return a session as Markdown."""
    return visible("\n".join(_lines(summary, entries)).rstrip("\n") + "\n")


def _lines(summary: Summary, entries: Sequence[Entry]) -> Iterator[str]:
    yield from (f"# {_plain(summary.title)}", "")
    yield from (f"- {name}: {_code(value)}" for name, value in facts(summary) if value)
    for item in told(entries):
        yield ""
        yield from _item(item)


def _item(item: Item) -> Iterator[str]:
    match item:
        case Prompt():
            yield from (f"## You, {when(item.at)}", "")
            yield from _quoted(item.text)
            yield from (f"> ({medium(block)})" for block in item.media)
        case Reply():
            model = f" ({_plain(item.model)})" if item.model else ""
            yield f"## The model{model}, {when(item.at)}"
            for part in item.parts:
                yield ""
                yield from _part(part)
            if item.interrupted:
                yield from ("", "*The reply was interrupted.*")
        case _:
            yield f"*{_plain(item.what)}, {when(item.at)}*"
            if item.text:
                yield ""
                yield from _quoted(item.text)


def _part(part: str | Thought | Call) -> Iterator[str]:
    match part:
        case Thought():
            yield from ("*thinking*", "")
            yield from _quoted(part.text)
        case Call():
            said = telling(part.input)
            yield f"**Call: {_plain(part.name)}**{' ' + _code(said) if said else ''}"
            yield ""
            yield from _fenced(json.dumps(part.input, indent=2, ensure_ascii=False), "json")
            if part.result is None:
                yield from ("", "*no result*")
            elif part.result:
                yield from ("", "*failed*" if part.is_error else "*result*", "")
                yield from _fenced(part.result)
            yield from (f"\n({medium(block)})" for block in part.media)
        case _:
            yield from _prose(part)


def _quoted(text: str) -> Iterator[str]:
    """Yield a text as a quotation: nothing in it reaches beyond."""
    return (f"> {line}".rstrip() for line in _prose(text) or [""])


def _prose(text: str) -> list[str]:
    """Return the lines of a text that is Markdown itself: HTML in it is shown, a block of code left open ends."""
    lines: list[str] = []
    opened = ""
    for line in text.splitlines():
        lines.append(line if opened else "".join(map(_without_html, _CODE.split(line))))
        fence = _FENCE.match(line)
        if fence is None:
            continue
        mark = fence["mark"]
        if not opened:
            opened = mark
        elif mark[0] == opened[0] and len(mark) >= len(opened) and not fence["info"].strip():
            opened = ""
    return [*lines, opened] if opened else lines


def _without_html(part: str) -> str:
    return part if part.startswith("`") else _TAG.sub(r"\\<", part)


def _fenced(text: str, language: str = "text") -> Iterator[str]:
    """Yield a text as a block of code whose fence does not stand in it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    yield from (f"{fence}{language}", text.rstrip("\n"), fence)


def _code(text: str) -> str:
    """Return a text on one line as code."""
    line = " ".join(text.split())
    marks = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{marks}{space}{line}{space}{marks}"


def _plain(text: str) -> str:
    """Return a text on one line in which nothing is Markdown or HTML."""
    return re.sub(r"([\\`*_\[\]<>#|&!~])", r"\\\1", " ".join(text.split()))
