"""An exported session, as people see it: the page that `antiphon sessions export` writes, opened as a file."""

from pathlib import Path

import pytest
from looking import Page

from antiphon.protocol.messages import Json
from antiphon.sessions.export import to_html
from antiphon.sessions.listing.summary import Summary
from antiphon.sessions.records import Answered, Compacted, Entry, Prompted, Record, Replied, RunEnded
from antiphon.sessions.tokens import Tokens

HOSTILE = (
    "</pre></details></title><script>document.title = 'broken'</script><style>*{display:none}</style>"
    "<img src=http://example.com/x onerror=alert(1)><meta http-equiv=refresh content='0;url=http://example.com'>"
)


def said(text: str) -> tuple[Json, ...]:
    return ({"type": "text", "text": text},)


def written(directory: Path, text: str) -> str:
    """Write a session that says this everywhere, and return where it is."""
    call = {"type": "tool_use", "id": "a", "name": "run_command", "input": {"command": f"make {text}"}}
    result = {"type": "tool_result", "tool_use_id": "a", "content": f"the result {text}\nline", "is_error": True}
    records: list[Record] = [
        Prompted(said(f"the prompt {text}")),
        Replied(({"type": "thinking", "thinking": f"the thought {text}"}, *said(f"the reply `{text}`"), call)),
        Answered((result, *said(f"the note {text}"))),
        Compacted(({"role": "user", "content": f"the summary {text}"},)),
        RunEnded("error", f"the error {text}"),
    ]
    entries = [Entry(number, 1_700_000_000.0 + number, record) for number, record in enumerate(records, 1)]
    summary = Summary("0123", "/work", f"the title {text}", model="claude-sonnet-5-5", tokens=Tokens(10, 5, 90))
    file = directory / "session.html"
    file.write_text(to_html(summary, entries), "utf-8")
    return file.as_uri()


def test_hostile_text_is_read_and_does_nothing(page: Page, tmp_path: Path) -> None:
    page.browser.get(written(tmp_path, HOSTILE))
    for part in ("title", "prompt", "reply", "note", "summary", "error"):
        assert f"the {part} {HOSTILE}"[:60] in page.text
    assert page.browser.title.startswith("the title </pre>")
    assert page.all("script, img, iframe, object, embed, form, link, base") == []


def test_a_result_is_there_when_it_is_unfolded_without_any_script(page: Page, tmp_path: Path) -> None:
    page.command("Emulation.setScriptExecutionDisabled", value=True)
    page.browser.get(written(tmp_path, ""))
    assert "the result line" not in page.text
    for fold in page.all("summary"):
        fold.click()
    for part in ("the thought", "the result line", '"command": "make "'):
        assert part in page.text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_in_light_and_dark(page: Page, tmp_path: Path, scheme: str) -> None:
    page.scheme(scheme)
    page.browser.get(written(tmp_path, ""))
    for fold in page.all("summary"):
        fold.click()
    contrasts = page.contrasts()
    assert len(contrasts) > 15
    assert {text: ratio for text, ratio in contrasts.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("width", [320, 800])
def test_nothing_is_wider_than_the_window(page: Page, tmp_path: Path, width: int) -> None:
    page.width(width)
    page.browser.get(written(tmp_path, "long" * 300))
    for fold in page.all("summary"):
        fold.click()
    assert page.script("return document.documentElement.scrollWidth") <= width
