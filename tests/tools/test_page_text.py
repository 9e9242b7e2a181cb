import time
from collections.abc import Awaitable, Callable

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.tools.html_tokens import End, Start, Text, tokens
from antiphon.tools.page_text import page_markdown

TOKENS = {
    "a paragraph": ("<P Class=x>a &amp; b</p >", [Start("p", {"class": "x"}), Text("a & b"), End("p")]),
    "attributes": (
        "<a href='/x?a=1&amp;b' title=\"a > b\" data-x=y/z disabled href=second>",
        [Start("a", {"href": "/x?a=1&b", "title": "a > b", "data-x": "y/z", "disabled": ""})],
    ),
    "an empty element": ("<br/><img src=a />", [Start("br", {}), Start("img", {"src": "a"})]),
    "a comment with tags": ("a<!-- <b> -- > -->b", [Text("a"), Text("b")]),
    "short comments": ("<!-->a<!--->b", [Text("a"), Text("b")]),
    "declarations": ("<!DOCTYPE html><?xml a?><![CDATA[x]]>a</>b", [Text("a"), Text("b")]),
    "a script with tags": (
        "<script>if (a</b) '</p>'</ScRiPt >x",
        [Start("script", {}), Text("if (a</b) '</p>'"), End("script"), Text("x")],
    ),
    "a title with references": ("<title>a &lt; <b></title>", [Start("title", {}), Text("a < <b>"), End("title")]),
    "what is no tag": ("1 < 2 <3 a<", [Text("1 "), Text("<"), Text(" 2 "), Text("<"), Text("3 a"), Text("<")]),
    "a tag that does not end": ("a<b class='x", [Text("a")]),
    "a comment that does not end": ("a<!-- b", [Text("a")]),
    "a script that does not end": ("<style>a<b>", [Start("style", {}), Text("a<b>")]),
    "odd references": ("&copy &#x41; &#0; &nonsense; &#99999999999;", [Text("© A \ufffd &nonsense; \ufffd")]),
}


@pytest.mark.parametrize(("html", "cut"), TOKENS.values(), ids=TOKENS.keys())
def test_html_is_cut_as_a_browser_cuts_it(html: str, cut: list[object]) -> None:
    assert list(tokens(html)) == cut


CONTENTS = {
    "headings": ("<h1>One <em>two</em></h1><h3>Three<a href='#x'>¶</a></h3>", "# One *two*\n\n### Three"),
    "paragraphs": ("<p>One\n  two<p>three<div>four</div>five", "One two\n\nthree\n\nfour\n\nfive"),
    "breaks": ("one<br>two<br/> three", "one\ntwo\nthree"),
    "emphasis": ("a<b> b </b>c <i>d</i><del>e</del><strong></strong>", "a **b** c *d*~~e~~"),
    "emphasis that overlaps": ("<b>a<i>b</b>c</i>", "**a*b***c"),
    "emphasis over blocks": ("<b><p>a</p><p>b</p></b>", "**a**\n\n**b**"),
    "links": (
        "<a href='/a'>a</a> <a href='b?c d'>b</a> <a href='https://x.example/'>https://x.example/</a>",
        "[a](https://e.example/a) [b](https://e.example/d/b?c%20d) <https://x.example/>",
    ),
    "links to nowhere": (
        "<a href='#top'>a</a> <a href=' JavaScript:b()'>b</a> <a>c</a> <a href='data:text/html,x'>d</a>",
        "a b c d",
    ),
    "a link around blocks": ("<a href=x><h3>Title</h3><p>text</p></a>", "### [Title](https://e.example/d/x)\n\ntext"),
    "images": (
        "<img src=a.png alt='An  image'> <img src='data:image/png;base64,xyz' alt=inline> <img>",
        "![An image](https://e.example/d/a.png) inline",
    ),
    "code": ("<code>a_b  *c*</code> <kbd>a`b</kbd>", "`a_b *c*` `` a`b ``"),
    "a block of code": (
        "<pre><code class='hljs language-python'>def f():\n    <span>return</span> 1 &lt; 2\n\n\n# end\n</code></pre>",
        "```python\ndef f():\n    return 1 < 2\n\n\n# end\n```",
    ),
    "code with fences": ("<pre>\n```\nx\n```\n</pre>", "````\n```\nx\n```\n````"),
    "code in lines": ("<pre><div>a</div><div>b</div>c<br>d</pre>", "```\na\nbc\nd\n```"),
    "lists": (
        "<p>x</p><ul><li>a<li>b<ul><li>c</li><li>d</li></ul></li><li><p>e</p><p>f</p></li></ul><p>y</p>",
        "x\n\n- a\n- b\n  - c\n  - d\n- e\n\n  f\n\ny",
    ),
    "numbered lists": ("<ol start=9><li>a</li><li>b</li></ol><ol><li>c</ol>", "9. a\n10. b\n\n1. c"),
    "items without a list": ("<li>a</li><li>b</li>", "- a\n\n- b"),
    "quotes": ("<blockquote><p>a</p><ul><li>b</ul></blockquote>c", "> a\n>\n> - b\n\nc"),
    "definitions": ("<dl><dt>a</dt><dd>b</dd><dt>c<dd>d</dl>e", "a\n\n: b\n\nc\n\n: d\n\ne"),
    "a rule": ("a<hr>b", "a\n\n---\n\nb"),
    "a table": (
        "<table><thead><tr><th>a<th>b</thead><tr><td>1<td><b>2</b>|<p>3</p></table>x",
        "| a | b |\n| --- | --- |\n| 1 | **2**\\| 3 |\n\nx",
    ),
    "a table with a list": (
        "<table><tr><td>a</td><td>b</td></tr><tr><td><ul><li>c<li>d</ul></td><td>e</td></tr></table>",
        "| a | b |\n| --- | --- |\n| - c - d | e |",
    ),
    "a table for the layout": (
        "<table><tr><td>menu</td><td><p>a</p><table><tr><td>b</td><td>c</td></tr></table>d</td></tr></table>e",
        "menu\n\na\n\n| b | c |\n| --- | --- |\n\nd\n\ne",
    ),
    "a table with code": ("<table><tr><td>1</td><td><pre>a\nb</pre></td></tr></table>", "1\n\n```\na\nb\n```"),
    "a table of one column": ("<table><tr><td>a</td></tr><tr><td>b</td></tr></table>", "a\n\nb"),
    "what is around the content": (
        "<header>h</header><nav>n</nav><aside>a</aside><p>text</p><script>s</script><style>t</style><footer>f</footer>",
        "text",
    ),
    "a header in an article": ("<article><header><h1>Title</h1></header>text</article>", "# Title\n\ntext"),
    "what is hidden": (
        "<div hidden>a</div><div aria-hidden=true>b<div>c</div></div><div role=navigation>d</div>e<br hidden>f",
        "ef",
    ),
    "a hidden item does not take the others along": ("<ul><li hidden>a<li>b</ul>", "- a\n- b"),
    "controls": ("<form><label>a</label><button>b</button><select><option>c</select><input value=d>e</form>", "ae"),
    "navigation that does not end": ("<body><nav>a</body>", ""),
    "a base": ("<base href='/other/'><a href=x>a</a>", "[a](https://e.example/other/x)"),
    "spaces of all kinds": ("a\u00a0 \n\tb\u200bc", "a b c"),
}


async def content(html: str) -> str:
    return (await page_markdown(html, "https://e.example/d/page"))[1]


@pytest.mark.parametrize(("html", "markdown"), CONTENTS.values(), ids=CONTENTS.keys())
async def test_the_content_becomes_markdown(html: str, markdown: str) -> None:
    assert await content(html) == markdown


async def test_the_title_is_the_first_one() -> None:
    html = "<head><title> A\n &amp; B </title></head><svg><title>icon</title></svg>text"
    assert await page_markdown(html, "https://e.example/") == ("A & B", "text")


@pytest.mark.parametrize("element", ["main", "article"])
async def test_where_a_page_says_what_its_content_is_only_that_is_taken(element: str) -> None:
    text = "word " * 60
    assert await content(f"<div>menu</div><{element}><h1>x</h1>{text}</{element}>rest") == f"# x\n\n{text.strip()}"
    assert "menu" in await content(f"<div>menu</div><{element}>short</{element}>")
    assert "menu" in await content(f"<div>menu</div><{element}>{text}</{element}><{element}>{text}</{element}>")


TAGS = [
    *("p", "div", "b", "i", "a", "ul", "ol", "li", "blockquote", "table", "tr", "td", "th", "pre", "code", "h2", "br"),
    *("hr", "dl", "dt", "dd", "main", "section", "span"),
]
PIECES = st.lists(
    st.one_of(
        st.sampled_from(TAGS).flatmap(lambda name: st.sampled_from([f"<{name}>", f"</{name}>"])),
        st.just("WORD"),
        st.sampled_from([" ", "\n", "<", "&", "<!--x-->"]),
    ),
    max_size=40,
)


@given(PIECES)
def test_however_tags_are_nested_every_word_comes_out_in_its_order(pieces: list[str]) -> None:
    count = iter(range(1000))
    html = "".join(f" word{next(count)} " if piece == "WORD" else piece for piece in pieces)
    expected = [f"word{number}" for number in range(next(count))]
    markdown = anyio.run(content, html.replace("<<", "< <"))
    found = [word for word in markdown.replace("*", " ").replace("`", " ").split() if word.startswith("word")]
    assert found == expected


HOSTILE = [
    *("<div>", "<b><i>", "<b>x", "<a href=x>x", "<li>x", "<ul>", "<ul><li>x", "<blockquote>x", "<table><tr><td>x"),
    *("<td>x", "<tr><td>x", "<pre>x", "<code>x", "<h1>x", "<!--", "<a ", "<", "&", "<![CDATA[", "<?", "</", "&#"),
    *("<a b='", '<a b="', "<div a=b ", "<p", "<script>", "<script></", "<title>", "<nav>", "<main>", "<br>", "x ", "`"),
    *("<pre>`</pre>", "<dd>x", "<dl><dd>x", "<b>x</i>", "<ol><li>x</ol>", "<table>x</table>", "<a href='//[x'>x</a>"),
]


@pytest.mark.parametrize("piece", HOSTILE)
async def test_no_page_takes_more_than_linear_time(piece: str) -> None:
    async def seconds(length: int) -> float:
        html = piece * (length // len(piece))
        began = time.process_time()
        await content(html)
        return time.process_time() - began

    await seconds(1000)
    # A second per megabyte is usual; what is quadratic takes hours.
    assert await seconds(200_000) < 8


@pytest.mark.parametrize("html", ["<div" + " " * 300_000, "<div a" + " " * 300_000, "&#" + "1" * 300_000 + ";"])
async def test_no_long_tag_or_reference_does_either(html: str) -> None:
    began = time.process_time()
    await content(html)
    assert time.process_time() - began < 2


async def test_a_large_page_lets_others_run_and_can_be_cancelled() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await anyio.lowlevel.checkpoint()
            turns += 1

    async def until_turn(number: int, stop: Callable[[], None]) -> None:
        while turns < number:
            await anyio.lowlevel.checkpoint()
        stop()

    read: list[str] = []

    async def reader(work: Awaitable[str]) -> None:
        read.append(await work)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(other)
        tasks.start_soon(until_turn, 20, tasks.cancel_scope.cancel)
        tasks.start_soon(reader, content("<p>x</p>" * 100_000))
    assert turns >= 20
    assert read == []
