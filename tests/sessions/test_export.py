import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from antiphon.engine.events import Finished, Requested, Result, ToolCall
from antiphon.protocol.messages import Json
from antiphon.sessions import Sessions
from antiphon.sessions.export import to_html, to_json, to_markdown
from antiphon.sessions.export.story import Call, Note, Prompt, Reply, Thought, told
from antiphon.sessions.listing.summary import Summary
from antiphon.sessions.records import (
    Answered,
    Compacted,
    Configured,
    Entry,
    Forked,
    Prompted,
    Record,
    Replied,
    RunEnded,
    Truncated,
    TurnBegan,
)
from antiphon.transcripts.detecting import read

AT = 1_700_000_000.0
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
IMAGE: Json = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}


def said(text: str) -> tuple[Json, ...]:
    return ({"type": "text", "text": text},)


def call(call_id: str, name: str, **arguments: object) -> Json:
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def result(call_id: str, text: str, **more: object) -> Json:
    return {"type": "tool_result", "tool_use_id": call_id, "content": [{"type": "text", "text": text}], **more}


def entries(*records: Record) -> list[Entry]:
    return [Entry(number, AT + 60 * number, record) for number, record in enumerate(records, 1)]


TALK = (
    Configured({"model": "claude-sonnet-5-5", "system": "Be kind."}),
    Prompted(said("Find the bug")),
    TurnBegan(1, 8),
    Replied(
        (
            {"type": "thinking", "thinking": "Where is it?", "signature": "s"},
            {"type": "text", "text": "I look."},
            call("a", "read_file", path="src/a.py"),
            call("b", "run_command", command="make test"),
        ),
        {"model": "claude-sonnet-5-5", "usage": {"input_tokens": 7, "output_tokens": 3}},
    ),
    Answered((result("a", "one\ntwo\nthree\nfour"), result("b", "exit code 2", is_error=True), *said("Hurry up"))),
    Replied(said("In `a.py`:\n\n```python\nx = 1\n```\n\nand *done*.")),
    RunEnded("end_turn"),
)
SUMMARY = Summary("0123-abcd", "/work/project", "Find the bug", created=AT, updated=AT + 420, turns=2, prompts=1)


def test_a_story_tells_what_was_said_and_what_calls_came_to() -> None:
    prompt, reply, note, last = told(entries(*TALK))
    assert prompt == Prompt(2, AT + 120, "Find the bug")
    assert isinstance(reply, Reply)
    assert reply.parts == [
        Thought("Where is it?"),
        "I look.",
        Call("a", "read_file", {"path": "src/a.py"}, "one\ntwo\nthree\nfour"),
        Call("b", "run_command", {"command": "make test"}, "exit code 2", is_error=True),
    ]
    assert (reply.tokens.input, reply.tokens.output, reply.model) == (7, 3, "claude-sonnet-5-5")
    assert note == Note(5, AT + 300, "told with the results", "Hurry up")
    assert isinstance(last, Reply)


def test_a_story_leaves_out_what_was_taken_back() -> None:
    items = told(entries(*TALK, Prompted(said("no")), Replied(said("what?")), Truncated(4), Prompted(said("yes"))))
    assert [item.text for item in items if isinstance(item, Prompt)] == ["Find the bug", "yes"]
    assert len(items) == 5


def test_a_story_goes_on_over_a_compaction() -> None:
    compacted = Compacted(({"role": "user", "content": "All about a bug."},))
    items = told(entries(*TALK, compacted, Prompted(said("and now?")), Truncated(1), Forked()))
    assert [item.text for item in items if isinstance(item, Prompt)] == ["Find the bug"]
    assert [(item.what, item.text) for item in items if isinstance(item, Note)][1:] == [
        ("the conversation was summed up", "All about a bug."),
        ("forked here", ""),
    ]


def test_a_result_that_was_not_sent_yet_is_told() -> None:
    calls = (call("a", "read_file", path="a"), call("b", "read_file", path="b"))
    requested = [Requested(ToolCall(name, "read_file", {})) for name in "ab"]
    (_, reply) = told(
        entries(Prompted(said("go")), TurnBegan(1, 8), *requested, Replied(calls), Finished("a", Result("text")))
    )
    assert isinstance(reply, Reply)
    assert [part.result for part in reply.parts if isinstance(part, Call)] == ["text", None]


def test_what_the_api_ran_itself_is_told_too() -> None:
    use = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "antiphon"}}
    hit = {"type": "web_search_result", "title": "Antiphon", "url": "https://example.org", "encrypted_content": "x"}
    found = {"type": "web_search_tool_result", "tool_use_id": "s", "content": [hit]}
    failed = {"type": "web_search_tool_result_error", "error_code": "unavailable"}
    (reply,) = told(entries(Replied((use, found, *said("Found.")))))
    assert isinstance(reply, Reply)
    assert reply.parts[0] == Call("s", "web_search", {"query": "antiphon"}, "Antiphon https://example.org")
    (reply,) = told(entries(Replied((use, {**found, "content": failed}))))
    assert isinstance(reply, Reply)
    assert reply.parts == [Call("s", "web_search", {"query": "antiphon"}, "unavailable")]


def test_markdown_reads_like_a_conversation() -> None:
    assert (
        to_markdown(SUMMARY, entries(*TALK))
        == """\
# Find the bug

- Session: `0123-abcd`
- Workspace: `/work/project`
- Began: `2023-11-14 22:13 UTC`
- Last active: `2023-11-14 22:20 UTC`
- Requests: `2`

## You, 2023-11-14 22:15 UTC

> Find the bug

## The model (claude-sonnet-5-5), 2023-11-14 22:17 UTC

*thinking*

> Where is it?

I look.

**Call: read\\_file** `src/a.py`

```json
{
  "path": "src/a.py"
}
```

*result*

```text
one
two
three
four
```

**Call: run\\_command** `make test`

```json
{
  "command": "make test"
}
```

*failed*

```text
exit code 2
```

*told with the results, 2023-11-14 22:18 UTC*

> Hurry up

## The model, 2023-11-14 22:19 UTC

In `a.py`:

```python
x = 1
```

and *done*.
"""
    )


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("```\nno end", "```"),
        ("~~~~\n```\n~~~", "~~~~"),
        ("```\na\n```", "```\n"),
        ("````\n```\nstill in", "````"),
        ("```py\n```py\nin", "```"),
        ("``` not `a fence", "fence"),
    ],
)
def test_a_code_block_without_end_does_not_swallow_what_follows(text: str, end: str) -> None:
    page = to_markdown(SUMMARY, entries(Replied(said(text)), Prompted(said("next"))))
    assert f"{text}\n{end}\n\n## You" in page or f"{text.rstrip()}\n\n## You" in page
    fences = [line for line in page.splitlines() if re.match("```|~~~", line) and "`a" not in line]
    assert len(fences) % 2 == 0 or len(set(map(len, fences))) > 1


def test_html_is_shown_in_markdown_and_not_obeyed() -> None:
    text = "a <script>x</script> in `<b>` and <https://example.org>, 1 < 2 <!-- no\n```html\n<i>\n```\n<img src=x>"
    page = to_markdown(SUMMARY, entries(Prompted(said(text)), Replied(said(text))))
    shown = [
        r"a \<script>x\</script> in `<b>` and <https://example.org>, 1 < 2 \<!-- no",
        *("```html", "<i>", "```", r"\<img src=x>"),
    ]
    assert "\n".join(shown) in page
    assert "\n".join(f"> {line}" for line in shown) in page


def test_a_result_with_fences_stays_in_its_own() -> None:
    page = to_markdown(SUMMARY, entries(Replied((call("a", "t"),)), Answered((result("a", "```\n````\nx"),))))
    assert "`````text\n```\n````\nx\n`````\n" in page


def test_json_has_the_conversation_and_what_it_cost() -> None:
    exported = json.loads(to_json(SUMMARY, entries(*TALK)))
    assert list(exported) == ["format", "version", "session", "params", "messages", "prompts"]
    assert exported["session"]["id"] == "0123-abcd"
    assert exported["session"]["created"] == "2023-11-14T22:13:20Z"
    assert exported["params"]["system"] == "Be kind."
    assert [message["role"] for message in exported["messages"]] == ["user", "assistant", "user", "assistant"]
    assert exported["prompts"] == [{"number": 1, "at": "2023-11-14T22:15:20Z", "record": 2, "text": "Find the bug"}]


def test_json_can_have_every_record() -> None:
    exported = json.loads(to_json(SUMMARY, entries(*TALK), records=True))
    assert [record["kind"] for record in exported["records"]] == [
        "configured", "prompted", "turn_began", "replied", "answered", "replied", "run_ended",
    ]  # fmt: skip
    assert exported["records"][1] == {
        "number": 2,
        "at": "2023-11-14T22:15:20Z",
        "kind": "prompted",
        "content": [{"type": "text", "text": "Find the bug"}],
    }


def test_json_can_be_checked_as_a_request() -> None:
    document = read(Path("export.json"), to_json(SUMMARY, entries(*TALK)).encode())
    (stored,) = document.conversations
    assert len(stored.request["messages"]) == 4


HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&</pre></details></article><style>*{}</style>"
    "<!--\x00\x1b]0;x\x07\u202egnp\u2066 ]]>"
)


class Page(HTMLParser):
    """What a browser would make of a page: its elements, and whether they are closed as they were opened."""

    VOID = ("meta", "img", "br", "link")

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[str] = []
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


def test_a_page_holds_hostile_text_as_text() -> None:
    bad: Json = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": '"><script>'}}
    svg: Json = {"type": "image", "source": {"type": "base64", "media_type": "image/svg+xml", "data": "PHN2Zz4="}}
    page = to_html(
        Summary(HOSTILE, HOSTILE, HOSTILE, model=HOSTILE, parent=HOSTILE, source=HOSTILE, damaged=HOSTILE),
        entries(
            Prompted((*said(HOSTILE), bad, svg, IMAGE)),
            Replied(
                (
                    {"type": "thinking", "thinking": HOSTILE},
                    *said(f"{HOSTILE}\n```{HOSTILE}\n{HOSTILE}\n```\n{HOSTILE}\n```\nopen {HOSTILE}"),
                    call("a", HOSTILE, command=HOSTILE, **{HOSTILE: [HOSTILE]}),
                ),
                {"model": HOSTILE},
            ),
            Answered((result("a", HOSTILE), *said(HOSTILE))),
            Compacted(({"role": "user", "content": HOSTILE},)),
            RunEnded(HOSTILE, HOSTILE),
        ),
    )
    seen = Page(page)
    assert seen.open == []
    assert set(seen.seen) <= {
        "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "dl", "dt", "dd", "div", "main",
        "article", "time", "small", "p", "pre", "b", "code", "span", "em", "details", "summary", "img",
    }  # fmt: skip
    assert seen.attributes <= {
        "lang", "charset", "http-equiv", "content", "name", "class", "id", "datetime", "dir", "src", "alt",
    }  # fmt: skip
    assert seen.seen.count("style") == seen.seen.count("img") == 1
    assert f'src="data:image/png;base64,{PIXEL}"' in page
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2066]", page)
    assert "<U+202E>" in seen.text


def test_a_page_lets_a_browser_load_and_run_nothing() -> None:
    page = to_html(SUMMARY, entries(*TALK))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy[1]
    assert not re.search(r"https?:|src=\"(?!data:)|href=|url\(|@import|<script", page)


def test_a_page_folds_results_and_shows_what_failed() -> None:
    page = to_html(SUMMARY, entries(*TALK))
    assert '<details class="call done"><summary><b>read_file</b><code>src/a.py</code> <span>done</span>' in page
    assert "<small>4 lines</small>" in page
    assert '<details class="call failed"><summary><b>run_command</b><code>make test</code>' in page
    assert '<p dir="auto">In <code>a.py</code>:</p>\n<pre>x = 1\n</pre>' in page


def test_a_session_that_says_nothing_can_be_exported(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path)
    with sessions.create("/work") as session:
        pass
    summary, found = sessions.find(session.id), sessions.entries(session.id)
    assert json.loads(to_json(summary, found))["messages"] == []
    assert "nothing was said yet" in to_markdown(summary, found)
    assert "nothing was said yet" in to_html(summary, found)
