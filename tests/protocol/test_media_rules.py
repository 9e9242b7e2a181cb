"""Rules about images, documents and what else is sent as it came: how many, how large, readable or not."""

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_talk import assistant, call, image, request, result, search, text, user

from antiphon.protocol.checking import check, repair
from antiphon.protocol.context import Context
from antiphon.protocol.dialects import dialect
from antiphon.protocol.images import media_type_of
from antiphon.protocol.messages import Json

ANTHROPIC = dialect("anthropic")
LATEST = Context(version="2026-10-21", betas=frozenset())
A = call("a")
DOCUMENT: Json = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "plan"}}


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _png(width: int, height: int = 1) -> Json:
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return image(_encoded(head + b"\x08\x02\0\0\0"))


SMALL, LARGE = _png(8), _png(1, 2001)


def _told(given_request: Json, start: int = 0) -> list[tuple[str, int | None, int | None]]:
    return [(one.rule, one.message, one.block) for one in check(given_request, ANTHROPIC, start=start)]


def _repaired(given_request: Json, **params: Any) -> Json:
    outcome = repair(given_request, params.pop("upstream", ANTHROPIC), **params)
    assert outcome.remaining == ()
    return outcome.request


# Many images


def test_among_more_than_twenty_images_none_is_large() -> None:
    few = request(user(LARGE, *[SMALL] * 19, text("what is this?")))
    assert _told(few) == []
    many = request(user(LARGE, *[SMALL] * 20, text("what is this?")))
    assert _told(many) == [("CO013", 0, 0)]
    content = _repaired(many)["messages"][0]["content"]
    assert content[0]["type"] == "text"
    assert content[1:] == many["messages"][0]["content"][1:]


def test_images_in_results_count_and_the_message_that_brings_the_twenty_first_is_at_fault() -> None:
    rounds = [message for n in range(20) for message in (assistant(call(f"c{n}")), user(result(f"c{n}", [SMALL])))]
    given_request = request(user(LARGE), *rounds)
    for start in range(len(given_request["messages"])):
        assert _told(given_request, start) == [("CO013", 40, None)]
    (found,) = check(given_request, ANTHROPIC)
    assert found.text.startswith("messages.0.content.0.image.source.base64: At least one of the image dimensions")
    given_request["messages"].append(assistant("I see."))
    assert _told(given_request, 41) == []


def test_images_by_url_count_too_and_their_size_nobody_knows() -> None:
    by_url: Json = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    given_request = request(user(*[by_url] * 20, LARGE))
    assert _told(given_request) == [("CO013", 0, 20)]
    assert _repaired(given_request)["messages"][0]["content"][:20] == [by_url] * 20


@pytest.mark.parametrize(
    ("model", "most"),
    [
        ("claude-haiku-4-5", 100),
        ("claude-opus-4-5", 100),
        ("claude-haiku-5-5", 100),
        ("claude-sonnet-4-5", 600),
        ("claude-opus-4-6", 600),
        ("claude-opus-5", 600),
        ("someone/else", 600),
    ],
)
def test_each_model_looks_at_so_many_images_and_documents(model: str, most: int) -> None:
    full = request(user(*[SMALL] * (most - 1), DOCUMENT), model=model)
    assert _told(full) == []
    over = request(user(*[SMALL] * most, DOCUMENT, text("?")), model=model)
    (found,) = check(over, ANTHROPIC)
    assert (found.rule, found.block, found.text) == (
        "CO014",
        most,
        f"too many images and documents: {most} + 1 > {most}",
    )


def test_the_oldest_images_go_some_at_a_time_so_that_the_beginning_stays_as_it_is() -> None:
    def sent(count: int) -> Json:
        rounds = [
            message for n in range(count) for message in (assistant(call(f"c{n}")), user(result(f"c{n}", [SMALL])))
        ]
        return _repaired(request(user("go"), *rounds, model="claude-haiku-4-5"))

    first, last = sent(101)["messages"], sent(120)["messages"]
    assert last[: len(first)] == first
    left = [message["content"][0]["content"][0]["type"] for message in last[2::2]]
    assert left == ["text"] * 20 + ["image"] * 100


def test_a_surplus_that_came_last_is_seen_from_there() -> None:
    given_request = request(user(*[SMALL] * 100), assistant(A), user(result("a", [SMALL])), model="claude-haiku-4-5")
    for start in range(3):
        assert _told(given_request, start) == [("CO014", 2, 0)]


# What an image is


@pytest.mark.parametrize(
    ("source", "text_end"),
    [
        ({"data": "PGh0bWw+Tm90IGZvdW5kPC9odG1sPg=="}, ": Could not process image"),
        ({"data": ""}, ": Could not process image"),
        ({"data": "data:image/png;base64,iVBORw0KGgo="}, ": invalid base64 data"),
        ({"data": "not base64 at all, is it?!"}, None),
        ({"data": "\u00e9\u00e9\u00e9\u00e9"}, ": invalid base64 data"),
        ({"data": None}, ".data: Input should be a valid string"),
        ({}, ".data: Field required"),
        ({"data": "iVBORw0KGgo="}, None),
        ({"data": "iVBORw0KGgoAAAANSUhEUgAAAAgAAAABCAIA\nAAA="}, None),
    ],
)
def test_an_image_begins_like_one(source: Json, text_end: str | None) -> None:
    block: Json = {"type": "image", "source": {"type": "base64", "media_type": "image/png", **source}}
    found = check(request(user(block)), ANTHROPIC)
    where = "messages.0.content.0.image.source.base64"
    assert [(one.rule, one.text) for one in found] == ([("CO016", f"{where}{text_end}")] if text_end else [])


def test_data_that_are_only_written_wrongly_are_corrected() -> None:
    jpeg = _encoded(b"\xff\xd8\xff\xe0" + b"\xfb\xef\xbe" * 20)
    as_url = image(f"data:image/jpeg;base64,{jpeg}")
    for_urls = image(jpeg.replace("+", "-").replace("/", "_"), "image/jpeg")
    given_request = request(user(result("a", [as_url]), for_urls))
    given_request["messages"] = [user("go"), assistant(A), *given_request["messages"]]
    assert [rule for rule, _, _ in _told(given_request)] == ["CO016", "CO016"]
    right = image(jpeg, "image/jpeg")
    assert _repaired(given_request)["messages"][2] == user(result("a", [right]), right)


def test_what_is_no_image_becomes_a_note_where_it_stood() -> None:
    given_request = request(user("go"), assistant(A), user(result("a", [text("see"), image("aGk=")])))
    assert _repaired(given_request)["messages"][2] == user(
        result("a", [text("see"), text("(An image stood here that cannot be read.)")])
    )


def test_an_image_is_what_its_data_say() -> None:
    given_request = request(user({**_png(8), "cache_control": {"type": "ephemeral"}}))
    block = given_request["messages"][0]["content"][0]
    block["source"]["media_type"] = "image/webp"
    (found,) = check(given_request, ANTHROPIC)
    assert found.rule == "CO017"
    assert found.text == (
        "messages.0.content.0.image.source.base64: The image was specified using the image/webp media type, but the"
        " image appears to be a image/png image"
    )
    outcome = repair(given_request, ANTHROPIC, lossy=False)
    assert outcome.request["messages"][0]["content"][0] == {**_png(8), "cache_control": {"type": "ephemeral"}}


@settings(deadline=None)
@given(source=st.dictionaries(st.sampled_from(["data", "media_type", "type"]), st.text() | st.none() | st.integers()))
def test_any_source_becomes_an_image_or_a_note(source: Json) -> None:
    block: Json = {"type": "image", "source": {"type": "base64", "media_type": "image/gif", **source}}
    (left,) = _repaired(request(user(block)))["messages"][0]["content"]
    inline = left["type"] == "image" and left["source"]["type"] == "base64"
    assert not inline or media_type_of(left["source"]["data"]) or any(c.isspace() for c in left["source"]["data"])


# Where the data are


@pytest.mark.parametrize("name", ["vertex", "bedrock"])
def test_clouds_load_no_images_and_files(name: str) -> None:
    by_url: Json = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    by_file: Json = {"type": "document", "source": {"type": "file", "file_id": "file_1"}}
    version = dialect(name).body_version
    given_request = request(
        user("go"), assistant(A), user(result("a", [by_url]), by_file, SMALL, text("?")), anthropic_version=version
    )
    del given_request["model"]
    assert [one.rule for one in check(given_request, dialect(name))] == ["CO015", "CO015"]
    repaired = _repaired(given_request, upstream=dialect(name))["messages"][2]
    assert repaired == user(
        result("a", [text("(The image that stood here cannot be loaded from where it is: https://example.com/a.png)")]),
        text("(The document that stood here cannot be loaded from where it is: file_1)"),
        SMALL,
        text("?"),
    )
    assert check(request(user("go"), assistant(A), user(result("a", [by_url]), by_file)), ANTHROPIC) == []


# Documents, toolsets, search results


def test_documents_of_the_assistant_move_to_the_user_with_the_newest_version() -> None:
    other: Json = {**DOCUMENT, "title": "second"}
    given_request = request(
        user("go"),
        assistant(DOCUMENT, text("a plan"), A),
        user(result("a"), text("and?")),
        assistant(other),
        model="claude-opus-5",
    )
    assert check(given_request, ANTHROPIC, context=Context(version="2023-06-01")) == []
    found = check(given_request, ANTHROPIC, context=LATEST)
    assert [(one.rule, one.message, one.block) for one in found] == [("CO020", 1, 0), ("CO020", 3, 0)]
    assert _repaired(given_request, context=LATEST)["messages"] == [
        user("go"),
        assistant(text("a plan"), A),
        user(result("a"), text("and?"), DOCUMENT),
        user(other),
    ]


def test_documents_of_the_user_and_in_results_stay() -> None:
    given_request = request(user(DOCUMENT), assistant(A), user(result("a", [DOCUMENT])), model="claude-opus-5")
    assert check(given_request, ANTHROPIC, context=LATEST) == []
    assert _repaired(given_request, context=LATEST) is given_request


def test_a_result_names_the_toolset_of_its_call() -> None:
    tools: list[Json] = [{"type": "browser_toolset_20260801"}]
    click = {**call("a"), "toolset_name": "browser"}
    given_request = request(user("go"), assistant(click, call("b")), user(result("a"), result("b")), tools=tools)
    assert _told(given_request) == []
    assert _repaired(given_request)["messages"][2] == user(result("a", toolset_name="browser"), result("b"))
    named = request(user("go"), assistant(click), user(result("a", toolset_name="browser")), tools=tools)
    assert _repaired(named) is named


def test_what_a_search_found_without_its_content_goes_and_the_rest_stays() -> None:
    def hit(**fields: Any) -> Json:
        return {"type": "web_search_result", "title": "A", "url": "https://example.com/a", **fields}

    hits = [hit(encrypted_content=""), hit(encrypted_content=None), hit(encrypted_content="E"), hit()]
    answer: Json = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": hits}
    given_request = request(user("go"), assistant(search("srvtoolu_1"), answer, text("so")), user("ok"))
    (found,) = check(given_request, ANTHROPIC)
    assert found.text == "messages.1.content.1: Invalid `encrypted_content` in `search_result` block"
    assert _repaired(given_request)["messages"][1]["content"][1]["content"] == hits[2:]
    failed: Json = {**answer, "content": {"type": "web_search_tool_result_error", "error_code": "unavailable"}}
    assert _told(request(user("go"), assistant(search("srvtoolu_1"), failed), user("ok"))) == []
