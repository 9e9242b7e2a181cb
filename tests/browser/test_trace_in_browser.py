"""A session in time, as people see it: the page and the picture that `antiphon trace` writes, opened as files."""

from pathlib import Path

import pytest
from looking import Page, channels, contrast

from antiphon.cli.tracing.choosing import choose
from antiphon.cli.tracing.drawing import document
from antiphon.cli.tracing.page import page as html_page
from antiphon.engine.events import Finished, failure
from antiphon.sessions.records import RunEnded, TurnBegan
from antiphon.sessions.tracing.replaying import trace
from traced_sessions import Story, killed, requested, shop

HOSTILE = (
    "</text></svg></title><script>document.title = 'broken'</script><img src=http://example.com/x onerror=alert(1)>"
)

# The colours that texts and bars of pictures have, beside that of what is behind them.
_FILLS = """
const behind = (node) => {
  for (let at = node; at; at = at.parentElement) {
    const paper = at.querySelector?.(":scope > rect.p");
    const colour = paper ? getComputedStyle(paper).fill : getComputedStyle(at).backgroundColor;
    if (!/, 0\\)$/.test(colour)) return colour;
  }
  return "rgb(255, 255, 255)";
};
return [...document.querySelectorAll("svg text, svg rect:not(.p)")].map(
  (node) => [node.tagName, getComputedStyle(node).fill, behind(node)]);
"""

_BOXES = """
return [...document.querySelectorAll("#run-1-turn-1 svg rect")].map((bar) => {
  const box = bar.getBoundingClientRect();
  return [box.x, box.width, box.height];
});
"""


def written(story: Story, directory: Path, name: str) -> str:
    """Write a session as a page or a picture and return where it is."""
    session = trace(story.entries)
    shown = choose(session, every=True)
    text = document(session, shown) if name.endswith("svg") else "".join(html_page(session, shown))
    file = directory / name
    file.write_text(text, "utf-8")
    return file.as_uri()


def test_the_page_shows_every_call_with_its_bars(page: Page, tmp_path: Path) -> None:
    page.browser.get(written(shop(), tmp_path, "trace.html"))
    for part in (
        "Raise the price and run the tests",
        "2.2 s",
        "run_command pytest -q",
        "failed, waited for approval 2.1 s",
    ):
        assert part in page.text
    bars = page.all("#run-1-turn-1 svg rect")
    assert [bar.get_attribute("class") for bar in bars] == ["reply", "ok", "ok", "wait", "ok", "ask", "bad"]
    boxes = page.script(_BOXES)
    assert all(width >= 1 and height >= 3 for _, width, height in boxes)
    # The edit begins to run where the search ends.
    assert boxes[4][0] == pytest.approx(boxes[2][0] + boxes[2][1], abs=1)


def test_every_call_can_be_read_as_a_sentence(page: Page, tmp_path: Path) -> None:
    page.browser.get(written(shop(), tmp_path, "trace.html"))
    assert "asked for at 1.9 s" not in page.text
    page.one("summary").click()
    assert "3 edit_file shop.py: asked for at 1.9 s, waited 1.0 s for 2 search_files, ran at 2.9 s" in page.text


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["trace.html", "trace.svg"])
def test_everything_stands_out_in_light_and_dark(page: Page, tmp_path: Path, name: str, scheme: str) -> None:
    page.scheme(scheme)
    page.browser.get(written(killed(), tmp_path, name))
    least = {"text": 4.5, "rect": 3.0}
    seen = page.script(_FILLS)
    found = [(kind, fill, behind, contrast(channels(fill), channels(behind))) for kind, fill, behind in seen]
    assert len(found) > 20
    assert [each for each in found if each[3] < least[each[0]]] == []
    if name.endswith("html"):
        assert [text for text, ratio in page.contrasts().items() if ratio < 4.5] == []


def test_a_telephone_scrolls_pictures_and_not_the_page(page: Page, tmp_path: Path) -> None:
    page.width(390)
    page.browser.get(written(shop(), tmp_path, "trace.html"))
    assert page.script("return document.documentElement.scrollWidth") <= 390
    assert page.script("return document.querySelector('article figure').scrollWidth") > 390


@pytest.mark.parametrize("name", ["trace.html", "trace.svg"])
def test_hostile_words_stay_words(page: Page, tmp_path: Path, name: str) -> None:
    story = (
        Story(workspace=HOSTILE).ask(0, HOSTILE).tell(0, TurnBegan(1, 8)).tell(1, requested("a", HOSTILE, path=HOSTILE))
    )
    story.reply(2, "a").tell(2, Finished("a", failure(HOSTILE))).answer(2, "a").tell(3, RunEnded(HOSTILE, HOSTILE))
    page.browser.get(written(story, tmp_path, name))
    assert page.script("return document.querySelectorAll('script, img').length") == 0
    assert page.script("return document.title") != "broken"
    assert "<script>document.title" in page.script("return document.documentElement.textContent")
