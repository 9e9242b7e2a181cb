"""A session as one HTML file that needs nothing else: to read in a browser, to attach, to print.

No script, nothing loaded from anywhere. What the session holds is text to this page, whatever it looks like: all of it
is escaped, and the policy of the page lets a browser use its own style and images that stand in it, nothing else.
"""

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files

from antiphon.protocol.messages import Json
from antiphon.sessions.export.parts import facts, medium, picture, telling, visible, when
from antiphon.sessions.export.story import Call, Item, Prompt, Reply, Thought, told
from antiphon.sessions.listing.described import iso
from antiphon.sessions.listing.summary import Summary
from antiphon.sessions.records import Entry

_FENCED = re.compile(r"^ {0,3}(`{3,}|~{3,})([^\n`]*)\n(.*?)(?:^ {0,3}\1[`~]* *$|\Z)", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


def to_html(summary: Summary, entries: Sequence[Entry]) -> str:
    """Return a session as an HTML page."""
    style = (files("antiphon.sessions.export") / "page.css").read_text(encoding="utf-8")
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    head = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-{digest}'; img-src data:; \
base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{_text(summary.title)}</title>
<style>{style}</style>
</head>
<body>
"""
    return head + "\n".join(_body(summary, entries)) + "\n</body>\n</html>\n"


def _body(summary: Summary, entries: Sequence[Entry]) -> Iterator[str]:
    yield f'<header>\n<h1 dir="auto">{_text(summary.title)}</h1>\n<dl>'
    yield from (f"<div><dt>{name}</dt><dd>{_text(value)}</dd></div>" for name, value in facts(summary) if value)
    yield "</dl>\n</header>\n<main>"
    for item in told(entries):
        yield from _item(item)
    yield "</main>"


def _item(item: Item) -> Iterator[str]:
    kind = "prompt" if isinstance(item, Prompt) else "reply" if isinstance(item, Reply) else "note"
    yield f'<article class="{kind}" id="r{item.entry}">'
    time = f'<time datetime="{iso(item.at)}">{when(item.at)}</time>'
    match item:
        case Prompt():
            yield f"<h2>You {time}</h2>"
            yield from _prose(item.text)
            yield from map(_medium, item.media)
        case Reply():
            model = f" <small>{_text(item.model)}</small>" if item.model else ""
            yield f"<h2>Model{model} {time}</h2>"
            for part in item.parts:
                yield from _part(part)
            if item.interrupted:
                yield "<p><em>The reply was interrupted.</em></p>"
        case _:
            yield f"<h2>{_text(item.what)} {time}</h2>"
            if item.text:
                yield from _prose(item.text)
    yield "</article>"


def _part(part: str | Thought | Call) -> Iterator[str]:
    match part:
        case Thought():
            yield '<details class="thought"><summary>thinking</summary>'
            yield from _prose(part.text)
            yield "</details>"
        case Call():
            yield from _call(part)
        case _:
            yield from _prose(part)


def _call(call: Call) -> Iterator[str]:
    state = "no result" if call.result is None else "failed" if call.is_error else "done"
    result = (call.result or "").strip("\n")
    count = 0 if call.is_error else result.count("\n") + 1
    lines = f" <small>{count} lines</small>" if count > 1 else ""
    said = f"<code>{_text(telling(call.input))}</code> <span>{state}</span>{lines}"
    yield f'<details class="call {state.replace(" ", "-")}"><summary><b>{_text(call.name)}</b>{said}</summary>'
    yield f"<h3>arguments</h3>\n<pre>{_text(json.dumps(call.input, indent=2, ensure_ascii=False))}</pre>"
    if call.result:
        yield f"<h3>result</h3>\n<pre>{_text(call.result)}</pre>"
    yield from map(_medium, call.media)
    yield "</details>"


def _prose(text: str) -> Iterator[str]:
    """Yield text as paragraphs, and the blocks of code in it as such."""
    place = 0
    for block in _FENCED.finditer(text):
        yield from _paragraphs(text[place : block.start()])
        yield f"<pre>{_text(block[3])}</pre>"
        place = block.end()
    yield from _paragraphs(text[place:])


def _paragraphs(text: str) -> Iterator[str]:
    return (f'<p dir="auto">{_inline(part)}</p>' for part in re.split(r"\n\s*\n", text.strip("\n")) if part.strip())


def _inline(text: str) -> str:
    """Return text of a paragraph; what stands between backticks as code."""
    return _CODE.sub(r"<code>\1</code>", _text(text))


def _medium(block: Json) -> str:
    source = picture(block)
    described = _text(medium(block))
    return f'<p><img src="{source}" alt="{described}"></p>' if source else f"<p>({described})</p>"


def _text(text: str) -> str:
    return escape(visible(text))
