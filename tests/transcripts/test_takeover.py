"""Conversations of other programs, made into ones that can be gone on with: valid, whole, bound to nothing."""

import base64
import copy
import itertools
import random
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from claude_trees import as_bytes, damaged, random_session
from stored_samples import FILES, FIXTURES, STORES, as_session, as_task

from antiphon.protocol.checking import check
from antiphon.protocol.dialects import ANTHROPIC
from antiphon.protocol.messages import Json, blocks_of, is_object, text_of
from antiphon.testing.damages import conversation
from antiphon.testing.damages import damaged as damaged_request
from antiphon.transcripts.detecting import read
from antiphon.transcripts.document import Stored, Unreadable
from antiphon.transcripts.takeover import Takeover, take_over

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def said(text: str) -> Json:
    return {"type": "text", "text": text}


def user(*blocks: Any) -> Json:
    return {"role": "user", "content": [said(block) if isinstance(block, str) else block for block in blocks]}


def assistant(*blocks: Any) -> Json:
    return {"role": "assistant", "content": [said(block) if isinstance(block, str) else block for block in blocks]}


def call(name: str, tool: str = "read_file") -> Json:
    return {"type": "tool_use", "id": name, "name": tool, "input": {"path": "a.py"}}


def result(name: str, content: Any = "import os") -> Json:
    return {"type": "tool_result", "tool_use_id": name, "content": content}


def taken(*messages: Json, finished: bool = False, program: str = "Roo Code") -> Takeover:
    return take_over(Stored({"messages": list(messages)}, finished=finished), program)


def assert_goes_on(found: Takeover) -> None:
    """The API takes the conversation with the handover and a prompt behind it, whatever model answers."""
    last = found.messages[-1]
    end = [found.handover, said("go on")]
    if last["role"] == "user":
        messages = [*found.messages[:-1], {**last, "content": [*blocks_of(last), *end]}]
    else:
        messages = [*found.messages, {"role": "user", "content": end}]
    for model in ({}, {"model": "claude-opus-4-8", "max_tokens": 1024}, {"model": "claude-sonnet-4-5"}):
        left = check({**model, "messages": messages}, ANTHROPIC)
        assert [violation for violation in left if violation.message is not None] == []
    roles = [message["role"] for message in found.messages]
    assert all(first != second for first, second in itertools.pairwise(roles))
    assert len(found.origins) == len(found.messages)
    kinds = {block["type"] for message in found.messages for block in every_block(message)}
    assert kinds <= {"text", "tool_use", "tool_result", "image", "document", "search_result"}


def every_block(message: Json) -> Iterator[Json]:
    for block in blocks_of(message):
        yield block
        if block["type"] == "tool_result":
            yield from blocks_of(block)


@pytest.mark.parametrize("name", FILES)
def test_every_stored_conversation_can_be_gone_on_with(name: str) -> None:
    path = FIXTURES / name
    for stored in read(path, path.read_bytes()).conversations:
        before = copy.deepcopy(stored.request)
        assert_goes_on(take_over(stored, "it"))
        assert stored.request == before


@pytest.mark.parametrize("store", STORES)
def test_damage_of_every_kind_is_repaired_in_whatever_it_is_stored(store: str) -> None:
    for seed in range(60):
        chance = random.Random(seed)
        path, data = STORES[store](_storable(damaged_request(chance)["messages"]))
        try:
            document = read(Path(path), data)
        except Unreadable:
            continue
        for stored in document.conversations:
            with suppress(Unreadable):  # of some nothing is left
                assert_goes_on(take_over(stored, "it"))


def _storable(messages: list[Any]) -> list[Json]:
    return [message for message in messages if is_object(message) and isinstance(message.get("role"), str)]


def test_tangled_sessions_of_claude_code_can_be_gone_on_with() -> None:
    for seed in range(150):
        chance = random.Random(seed)
        for stored in read(Path("s.jsonl"), as_bytes(damaged(random_session(chance), chance))).conversations:
            assert_goes_on(take_over(stored, "Claude Code"))


def test_what_was_sound_is_kept_as_it_was() -> None:
    for seed in range(60):
        request = conversation(random.Random(seed))
        found = take_over(Stored({"messages": request["messages"]}), "it")
        assert found.repaired == ()
        assert found.notes == ()
        assert found.messages == request["messages"]
        assert found.origins == list(range(len(found.messages)))


@pytest.mark.parametrize("store", [as_task, as_session])
def test_results_in_any_order_between_anything_are_put_in_their_place(store: Any) -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    messages = [
        user("Look."),
        assistant(call("a"), call("b"), call("c")),
        user(result("b"), image, "Remember.", result("a")),
    ]
    path, data = store(messages)
    (stored,) = read(Path(path), data).conversations
    found = take_over(stored, "Roo Code")
    content = found.messages[2]["content"]
    assert [block["type"] for block in content] == ["tool_result", "tool_result", "tool_result", "image", "text"]
    assert {block["tool_use_id"]: block["content"] for block in content[:2]} == {"b": "import os", "a": "import os"}
    assert content[2]["tool_use_id"] == "c"
    assert content[2]["is_error"]
    assert {violation.rule for violation in found.repaired} == {"TU001", "TU002"}


def test_a_finished_task_is_answered_by_a_result_that_says_so() -> None:
    found = taken(user("Do it."), assistant("Done.", call("x", "attempt_completion")), finished=True)
    (answer,) = found.messages[-1]["content"]
    assert answer["tool_use_id"] == "x"
    assert answer["content"] == "The task was completed in Roo Code, and nothing was left to do."
    assert "is_error" not in answer
    assert found.repaired == ()


def test_a_task_that_was_interrupted_says_that_its_call_has_no_result() -> None:
    found = taken(user("Do it."), assistant(call("x", "execute_command")))
    (answer,) = found.messages[-1]["content"]
    assert answer["is_error"]
    assert "may or may not have been carried out" in answer["content"]
    assert [violation.rule for violation in found.repaired] == ["TU001"]


def test_thinking_is_left_out_and_told() -> None:
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "EqQB"}
    hidden = {"type": "redacted_thinking", "data": "abc"}
    found = taken(user("a"), assistant(thought, hidden, "b"), user("c"), assistant(thought), user("d"))
    assert found.messages == [user("a"), assistant("b"), user("c", "d")]
    assert found.origins == [0, 1, 2]
    assert found.notes == ("thinking, which is bound to its model and request, was left out (3)",)


def test_what_the_server_ran_becomes_text_without_its_ciphers() -> None:
    page = {"type": "web_search_result", "title": "Antiphony", "url": "https://example.org", "encrypted_content": "XX"}
    found = taken(
        user("Search."),
        assistant(
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "antiphony"}},
            {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [page]},
            {"type": "text", "text": "Found.", "citations": [{"type": "web_search_result_location"}]},
        ),
    )
    assert found.messages[1] == assistant(
        '(web_search was run by the server: {"query":"antiphony"})',
        "(It gave: Antiphony https://example.org)",
        "Found.",
    )
    assert found.notes == ("calls of tools that the server ran, and their results, were kept as text (2)",)


def test_images_are_kept_where_their_data_is_and_named_where_it_is_not() -> None:
    here = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    there = {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}}
    uploaded = {"type": "document", "source": {"type": "file", "file_id": "file_1"}}
    found = taken(user("Look.", here, there), assistant(call("a")), user(result("a", [here, uploaded])))
    assert found.messages[0] == user("Look.", here, "(Here stood an image. It was at https://example.org/a.png)")
    assert found.messages[2]["content"][0]["content"] == [here, said("(Here stood a document.)")]


def test_an_image_that_is_too_large_for_the_api_does_not_come_along() -> None:
    data = base64.b64encode(base64.b64decode(PNG) + bytes(8 << 20)).decode()
    huge = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    found = taken(user("Look."), assistant(call("a")), user(result("a", [said("It is:"), huge])))
    assert_goes_on(found)
    assert "CO011" in {violation.rule for violation in found.repaired}


def test_blocks_that_nobody_knows_become_text_and_fields_of_one_request_go() -> None:
    found = taken(
        user({"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, {"type": "hologram", "of": "b"}),
        assistant({**call("x"), "caller": {"type": "code_execution_20250825", "tool_id": "srvtoolu_9"}}),
        user(result("x", [{"type": "tool_reference", "tool_name": "grep"}])),
    )
    assert found.messages == [
        user("a", '{"type":"hologram","of":"b"}'),
        assistant(call("x")),
        user(result("x", [said("(The tool grep was found here.)")])),
    ]
    assert found.notes == ("hologram blocks were kept as text (1)",)


def test_what_roo_wraps_and_adds_is_taken_away() -> None:
    details = "<environment_details>\n# Current Workspace Directory (/home/ada) Files\na.py\n</environment_details>"
    found = taken(user("<task>\nFix it\n</task>", details), assistant(call("a")), user(result("a"), details))
    assert found.messages == [user("Fix it"), assistant(call("a")), user(result("a"))]
    assert found.notes == ("notes of the other program about the moment were left out (2)",)


def test_text_that_only_mentions_a_wrapper_is_kept() -> None:
    words = "What is <environment_details> in <task>\nx\n</task> for?"
    assert taken(user(words)).messages == [user(words)]


def handover(*messages: Json) -> str:
    return text_of({"content": [taken(*messages).handover]})


def test_the_model_is_told_that_the_conversation_changes_hands() -> None:
    told = handover(user("a"), assistant(call("a")), user(result("a")))
    assert told.startswith("(What stands above happened in Roo Code. The conversation now goes on in Antiphon.")
    assert "written as text" not in told


def test_the_model_is_told_that_calls_in_words_call_nothing() -> None:
    results = user("[read_file for 'x'] Result:", "y")
    told = handover(user("a"), assistant("<read_file><path>x</path></read_file>"), results)
    assert "Calls above are written as text, which calls nothing here" in told


def test_instructions_of_the_other_program_stay_there() -> None:
    path = FIXTURES / "requests/chat.json"
    (stored,) = read(path, path.read_bytes()).conversations
    found = take_over(stored, "it")
    assert found.messages[0]["role"] == "user"
    assert found.notes == ("instructions of the other program were left out (1)",)
    assert found.origins == [1, 2, 3]


def test_an_image_of_another_api_is_one_of_this() -> None:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    request = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Look."}, image]}]}
    found = take_over(Stored(request, "openai-chat"), "it")
    source = {"type": "base64", "media_type": "image/png", "data": PNG}
    assert found.messages == [user("Look.", {"type": "image", "source": source})]


def test_what_stands_for_the_next_prompt_may_have_been_said() -> None:
    words = "(the user goes on)"
    assert taken(user(words), assistant("Well."), user("a", words)).messages[2] == user("a", words)


def test_half_a_character_is_mended() -> None:
    found = taken(user("cut \ud83d"))
    assert found.messages == [user("cut \ufffd")]
    assert [violation.rule for violation in found.repaired] == ["RQ005"]


@pytest.mark.parametrize("messages", [[], [user()], [{"role": "system", "content": "be brief"}], [assistant("")]])
def test_where_nothing_was_said_nothing_can_go_on(messages: Sequence[Json]) -> None:
    with pytest.raises(Unreadable, match="nothing was said in it"):
        taken(*messages)
