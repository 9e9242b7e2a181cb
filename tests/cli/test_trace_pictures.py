"""A session in time as SVG and as a page: well-formed, harmless, and in words too."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from antiphon.cli.tracing.choosing import choose
from antiphon.cli.tracing.drawing import WIDTH, document
from antiphon.cli.tracing.page import page
from antiphon.engine.events import Discarded, Finished, failure
from antiphon.sessions.records import Mended, RunEnded, TurnBegan
from antiphon.sessions.tracing.replaying import trace
from antiphon.sessions.tracing.values import Trace
from traced_sessions import OK, Story, in_utc, long_session, requested, shop

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = (
    "</text></svg><script>alert(1)</script><img src=x onerror='alert(2)'>\"'&amp; ]]> \x00\x1b[31m\ufffe\ud800 \u202e"
)


@pytest.fixture(autouse=True)
def _greenwich() -> Iterator[None]:
    with in_utc():
        yield


def of(story: Story) -> Trace:
    return trace(story.entries, price=lambda _reply, _model: 0.002)


def picture(story: Story) -> ET.Element:
    trace_ = of(story)
    return ET.fromstring(document(trace_, choose(trace_, every=True)))


def html(story: Story) -> str:
    trace_ = of(story)
    return "".join(page(trace_, choose(trace_, every=True)))


def hostile() -> Story:
    story = Story(workspace=HOSTILE).ask(0, HOSTILE).tell(0, TurnBegan(1, 8))
    story.tell(1, requested(HOSTILE, HOSTILE, path=HOSTILE)).tell(2, Finished(HOSTILE, failure(HOSTILE)))
    story.tell(3, Discarded(HOSTILE), Mended((HOSTILE,)))
    return story.tell(3, RunEnded(HOSTILE, HOSTILE))


def texts(root: ET.Element) -> list[str]:
    return [text for element in root.iter(f"{SVG}text") if (text := "".join(element.itertext()))]


def titles(root: ET.Element) -> list[str]:
    return ["".join(element.itertext()) for element in root.iter(f"{SVG}title")]


def test_a_picture_says_in_words_what_it_shows() -> None:
    root = picture(shop())
    assert titles(root)[0] == "Timeline of the session: Raise the price and run the tests"
    ran = "waited 2.1 s for approval, ran at 4.4 s for 2.0 s"
    assert [title for title in titles(root) if title[0].isdigit()] == [
        "1 read_file shop.py: asked for at 0.9 s, ran at 0.9 s for 0.8 s, done: def price(): ...",
        "2 search_files price in src: asked for at 1.3 s, ran at 1.3 s for 1.6 s, done: 3 lines",
        "3 edit_file shop.py: asked for at 1.9 s, waited 1.0 s for 2 search_files, ran at 2.9 s for 0.5 s, done: ok",
        f"4 run_command pytest -q: asked for at 2.3 s, {ran}, failed: 1 failed",
    ]
    shown = texts(root)
    assert "failed, waited for approval 2.1 s" in shown
    assert "results complete at 6.4 s, sent at 6.5 s" in shown
    assert root.get("role") == "graphics-document"


def test_bars_stand_in_their_place_and_within_the_picture() -> None:
    story = shop()
    root = picture(story)
    height = float(root.get("height", "0"))
    for rect in root.iter(f"{SVG}rect"):
        x, width = float(rect.get("x", "0")), float(rect.get("width", "0"))
        assert width > 0
        assert x >= 0
        assert x + width <= WIDTH
    assert sum(move_of(group) for group in root.iter(f"{SVG}g")) > 0
    (_, axis_end) = bars_of(root, "1 read_file")[0][1:3]
    starts = {name: bars_of(root, name)[-1][1] for name in ("1 read_file", "2 search_files", "3 edit_file")}
    assert starts["1 read_file"] < starts["2 search_files"] < axis_end < starts["3 edit_file"]
    assert [kind for kind, *_ in bars_of(root, "4 run_command")] == ["ask", "bad"]
    assert height < 500


def move_of(group: ET.Element) -> float:
    found = re.fullmatch(r"translate\(\S+ (\S+)\)", group.get("transform", "translate(0 0)"))
    assert found
    return float(found[1])


def bars_of(root: ET.Element, call: str) -> list[tuple[str, float, float]]:
    """Return class, begin and end of a row's bars."""
    for group in root.iter(f"{SVG}g"):
        title = group.find(f"{SVG}title")
        if title is not None and (title.text or "").startswith(call):
            return [
                (
                    rect.get("class", ""),
                    float(rect.get("x", "")),
                    float(rect.get("x", "")) + float(rect.get("width", "")),
                )
                for rect in group.iter(f"{SVG}rect")
            ]
    raise AssertionError(call)


def test_a_picture_of_hostile_words_holds_nothing_but_words() -> None:
    root = picture(hostile())
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "title", "style", "rect", "line", "g", "text",
    }  # fmt: skip
    assert any("<script>alert(1)</script>" in title for title in titles(root))
    assert not re.search(r"\bon\w+=|href|url\(|@import|<!", re.sub(r"&#?\w+;", "", document_tags(root)))


def document_tags(root: ET.Element) -> str:
    """Return everything but the texts."""
    return " ".join(f"{element.tag} {' '.join(element.attrib)}" for element in root.iter())


class Tags(HTMLParser):
    """Notes tags, attributes, and the text of a page."""

    def __init__(self) -> None:
        """Begin."""
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """See that it closes the last one."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.text.append(data)


def parsed(text: str) -> Tags:
    tags = Tags()
    tags.feed(text)
    tags.close()
    assert tags.open == []
    return tags


@pytest.mark.parametrize(
    "story", [shop(), hostile(), long_session(3), Story()], ids=["shop", "hostile", "long", "empty"]
)
def test_a_page_needs_no_script_and_nothing_from_elsewhere(story: Story) -> None:
    tags = parsed(html(story))
    assert not tags.tags & {"script", "img", "iframe", "object", "embed", "link", "base", "form"}
    assert [name for name, _ in tags.attributes if name.startswith("on") or name in ("src", "srcset", "style")] == []
    assert all(value.startswith("#") for name, value in tags.attributes if name == "href")
    assert ("http-equiv", "Content-Security-Policy") in tags.attributes
    ids = [value for name, value in tags.attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_a_page_holds_the_figures_and_every_call_in_words() -> None:
    text = " ".join(parsed(html(shop())).text)
    for part in ("8.0 s", "2.2 s", "91.6%", "$0.0040", "4 calls in words", "waited 1.0 s for 2 search_files"):
        assert part in text


def test_the_same_words_cannot_break_the_page() -> None:
    tags = parsed(html(hostile()))
    assert any("<script>alert(1)</script>" in text for text in tags.text)
    assert not re.search("[\x00\x1b\u202e\ufffe\ud800]", html(hostile()))


def test_runs_of_a_page_can_be_jumped_to() -> None:
    story = shop().ask(60, "again").tell(60, TurnBegan(3, 8)).reply(61).tell(61, RunEnded("end_turn"))
    attributes: Any = parsed(html(story)).attributes
    targets = [value for name, value in attributes if name == "href"]
    assert targets == ["#run-1", "#run-2"]
    assert {("id", "run-1"), ("id", "run-2"), ("id", "run-1-turn-2")} <= set(attributes)


def test_pictures_of_a_long_session_stay_small() -> None:
    story = long_session(1000)
    trace_ = of(story)
    assert len(document(trace_, choose(trace_))) < 4_000_000
    assert len(html(story)) < 5_000_000


def test_a_session_at_work_says_so() -> None:
    story = (
        Story().ask(0, "go").tell(0, TurnBegan(1, 8)).tell(1, requested("a", "read_file")).tell(2, Finished("a", OK))
    )
    trace_ = trace(story.entries, now=story.entries[0].at + 5)
    assert "Run 1 of 1: at work: go" in texts(ET.fromstring(document(trace_, choose(trace_))))
