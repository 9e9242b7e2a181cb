"""Pages as Markdown: what is kept, what is left out, and what a hostile page can do."""

import time

import anyio
import pytest

from antiphon.testing.leftovers import Leftovers
from antiphon.tools.html_to_markdown import UnreadablePage, converted, html_to_markdown

URL = "https://example.com/dir/page"

PAGE = """<html><head><title> A
 page </title><style>p {}</style></head><body><nav><a href=/>Home</a></nav><script>evil()</script>
<h1>Heading</h1><p>Some <b>bold</b> text, <a href="sub/x?y=1">a link</a>.</p><div hidden>secret</div>
<div role="navigation">more links</div>
<pre><code>a_b = 1 * 2</code></pre><ul><li>one<li>two</ul><footer>imprint</footer></body></html>"""


async def test_title_and_content_are_told_and_what_is_not_content_is_left_out() -> None:
    title, text = await html_to_markdown(PAGE, URL)
    assert title == "A page"
    assert text.startswith("# Heading\n\nSome **bold** text, [a link](https://example.com/dir/sub/x?y=1).")
    assert "a_b = 1 * 2" in text
    assert "- one" in text
    for left_out in ("evil", "Home", "imprint", "p {}", "secret", "more links"):
        assert left_out not in text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<a href='javascript:evil()'>go</a>", "go"),
        ("<a href='#part'>go</a>", "go"),
        ("<base href='https://other.example/'><a href='x'>go</a>", "[go](https://other.example/x)"),
        ("<img src='/cat.png' alt='a cat'>", "![a cat](https://example.com/cat.png)"),
        (
            "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>",
            "| a | b |\n| --- | --- |\n| 1 | 2 |",
        ),
        ("<p>one</p>\n\n\n<p>two", "one\n\ntwo"),
        ("no tags at all", "no tags at all"),
        ("", ""),
    ],
)
def test_links_lead_somewhere_and_tables_stay_tables(html: str, text: str) -> None:
    assert converted(html, URL) == ("", text)


def test_the_main_content_is_taken_where_a_page_names_it() -> None:
    page = f"<body><header>top</header><main><p>{'word ' * 60}</p></main><div>bottom</div></body>"
    assert converted(page, URL) == ("", ("word " * 60).strip())


def test_a_header_inside_an_article_belongs_to_it() -> None:
    page = f"<body><header>the site</header><article><header>The story</header><p>{'word ' * 60}</p></article></body>"
    _, text = converted(page, URL)
    assert text.startswith("The story")


def test_a_page_nested_deeper_than_the_stack_gives_its_words() -> None:
    assert converted("<div>" * 3000 + "words" + "</div>" * 3000, URL) == ("", "words")


async def test_a_page_that_keeps_the_parser_busy_ends_with_the_call() -> None:
    hostile = "<!" * 400_000
    leftovers = Leftovers()
    started = time.monotonic()
    with anyio.move_on_after(1.5):
        await html_to_markdown(hostile, URL)
    assert time.monotonic() - started < 30
    assert await leftovers.after(10) == ""


async def test_a_reader_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(UnreadablePage, match="its reader ended"):
        await html_to_markdown("<p>x", URL)
