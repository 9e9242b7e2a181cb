"""What a summary is asked for, and the new stretch of a conversation that begins with it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from antiphon.agent.compaction import (
    END,
    FILES,
    LAST_WORDS,
    SUMMARY,
    Kept,
    TouchedFile,
    as_text,
    ask,
    fitting_stretch,
    is_stretch,
    kept_in,
    last_words,
    stretch,
    touched_files,
    without_a_model,
)
from antiphon.agent.context import estimate
from antiphon.agent.turn import INTERRUPTED
from antiphon.protocol.checking import check
from antiphon.protocol.dialects import ANTHROPIC
from antiphon.tools.todos import KEPT as TODOS
from antiphon.tools.todos import Todo, todos_in

Json = dict[str, Any]


def say(text: str) -> Json:
    return {"type": "text", "text": text}


def user(*content: str | Json) -> Json:
    return {"role": "user", "content": [say(part) if isinstance(part, str) else part for part in content]}


def assistant(*content: str | Json) -> Json:
    return {"role": "assistant", "content": [say(part) if isinstance(part, str) else part for part in content]}


def use(call_id: str, name: str, **arguments: Any) -> Json:
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def answer(call_id: str, content: Any = "ok", *, failed: bool = False) -> Json:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, "is_error": failed}


PICTURE = {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}
TODO = (Todo(text="read", status="done"), Todo(text="write", status="in_progress"))
FILE = TouchedFile("a.py", changed=True, content="     1\timport os")


def texts(message: Json) -> list[str]:
    return [block.get("text", block["type"]).strip("\n") for block in message["content"]]


def test_a_stretch_has_all_its_parts_in_a_fixed_order() -> None:
    kept = Kept([say("Fix the parser."), PICTURE], TODO, [FILE, TouchedFile("b.py")], searchable=True)
    assert texts(stretch(" We fixed half of it.\n", kept)) == [
        f"{SUMMARY}\n\nWe fixed half of it.",
        LAST_WORDS,
        "Fix the parser.",
        "image",
        f"{TODOS}\n- [x] read\n- [>] write",
        f"{FILES}\n- a.py (changed), as it is now:\n     1\timport os\n\n- b.py",
        f"{END} What was said before can be found with search_history. Go on with the work where it stopped.",
    ]


def test_read_as_one_text_each_part_stands_in_a_paragraph_of_its_own() -> None:
    message = stretch("One.", Kept([say("Fix it.")], TODO, [FILE]))
    text = "".join(block["text"] for block in [*message["content"], say("And now?")])
    for part in (LAST_WORDS, "Fix it.", TODOS, FILES, END, "And now?"):
        assert text[: text.index(part)].endswith("\n\n")
    assert f"{LAST_WORDS}\n\nFix it.\n\n{TODOS}\n- [x]" in text


def test_what_is_not_there_is_not_mentioned() -> None:
    message = stretch("Nothing much.", Kept(open=False))
    assert texts(message) == [f"{SUMMARY}\n\nNothing much.", f"{END} What the user says next follows."]
    assert check({"model": "m", "max_tokens": 1, "messages": [message]}, ANTHROPIC) == []


def test_the_user_can_say_what_is_to_be_kept() -> None:
    assert ask("  ") == ask()
    assert ask("the names of the tables").endswith("The user asks to keep above all: the names of the tables")
    assert "Do not call tools" in ask()


def test_the_last_words_of_the_user_are_found_behind_results_and_notes() -> None:
    conversation = [
        user("first"),
        assistant(use("a", "look")),
        user(answer("a"), INTERRUPTED, "second", PICTURE),
        assistant(use("b", "look")),
        user(answer("b")),
    ]
    assert last_words(conversation) == [say("second"), PICTURE]
    assert last_words(conversation[:2]) == [say("first")]
    assert last_words([]) == []


def test_everything_that_was_kept_once_is_kept_again_by_the_next_compaction() -> None:
    first = stretch("One.", Kept([say("Fix it."), PICTURE], TODO, [FILE]))
    again = kept_in([first, assistant("I go on.", use("a", "look")), user(answer("a"))])
    assert again.last_words == [say("Fix it."), PICTURE]
    assert again.todos == TODO
    assert is_stretch(first)
    assert not is_stretch(user("Fix it."))


def test_what_the_user_says_behind_a_stretch_are_the_last_words_then() -> None:
    first = stretch("One.", Kept([say("Fix it.")], TODO, open=False))
    grown = {**first, "content": [*first["content"], say("Now the tests.")]}
    assert last_words([grown]) == [say("Now the tests.")]
    assert last_words([first]) == [say("Fix it.")]


def test_files_are_named_by_who_touched_them_last_and_failed_calls_do_not_count() -> None:
    conversation = [
        user("go"),
        assistant(use("a", "edit_file", path="a.py"), use("b", "read_file", file_path="b.py")),
        user(answer("a"), answer("b")),
        assistant(
            use("c", "read_file", path="a.py"),
            use("d", "write_file", path="no.py"),
            use("e", "run_command", command="ls", path="x"),
            use("f", "read_file", path="c.py"),
            use("g", "read_file", path=7),
        ),
        user(answer("c"), answer("d", "no", failed=True), answer("e"), answer("f"), answer("g")),
    ]
    assert touched_files(conversation) == [
        TouchedFile("c.py"),
        TouchedFile("a.py", changed=True),
        TouchedFile("b.py"),
    ]


def test_files_that_a_stretch_names_are_named_by_the_next_one() -> None:
    kept = Kept([say("go")], (), [FILE, TouchedFile("b.py", content="     1\t- no.py"), TouchedFile("c.py")])
    conversation = [stretch("One.", kept), assistant(use("a", "read_file", path="c.py")), user(answer("a"))]
    assert touched_files(conversation) == [TouchedFile("c.py"), TouchedFile("a.py", changed=True), TouchedFile("b.py")]


def test_what_does_not_fit_goes_in_order_contents_names_and_the_end_of_the_summary() -> None:
    files = [TouchedFile(f"{name}.py", content="x" * 4000) for name in "abc"]
    kept = Kept([say("Fix it.")], TODO, files)
    summary = "s" * 8000
    sizes = {most: fitting_stretch(summary, kept, most) for most in (6000, 4500, 2500, 1000, 300, 30)}
    whole = stretch(summary, kept)
    assert sizes[6000] == whole
    shown = {most: "".join(texts(message)).count("as it is now") for most, message in sizes.items() if message}
    assert shown == {6000: 3, 4500: 2, 2500: 0, 1000: 0, 300: 0}
    assert "a.py" in texts(sizes[2500] or {})[-2]
    assert "[The summary was cut here.]" in texts(sizes[300] or {})[0]
    assert sizes[30] is None
    for message in sizes.values():
        assert message is None or "Fix it." in texts(message)


@given(st.text(max_size=3000), st.text(min_size=1, max_size=2000), st.integers(0, 3000))
def test_a_fitting_stretch_fits_and_never_cuts_what_the_user_said(summary: str, words: str, most: int) -> None:
    kept = Kept([say(words)], TODO, [FILE])
    message = fitting_stretch(summary, kept, most)
    if message is None:
        assert estimate([stretch("", Kept([say(words)], TODO))]) + 60 > most
    else:
        assert estimate([message]) <= most
        assert say(words) in message["content"]


def test_a_conversation_as_text_names_pictures_leaves_thinking_out_and_cuts_long_results() -> None:
    conversation = [
        user("Look.", PICTURE),
        assistant({"type": "thinking", "thinking": "secret", "signature": "s"}, "I look.", use("a", "look", at="x")),
        user(answer("a", [say("r" * 100_000), PICTURE]), answer("b", "gone", failed=True)),
    ]
    text = as_text(conversation, 20_000)
    assert text.startswith(
        '# User\nLook.\n(an image)\n\n# Assistant\nI look.\n(calls look {"at": "x"})\n\n# User\n(result: rrr'
    )
    assert text.endswith("r (1 image))\n(failure: gone)")
    assert "secret" not in text
    assert len(text) < 7000
    assert as_text(conversation, 10**6) == text, "results are never longer than is of use"


@given(
    st.lists(
        st.one_of(
            st.text(max_size=5000).map(user),
            st.text(max_size=5000).map(assistant),
            st.text(max_size=5000).map(lambda text: assistant(use("a", "look", at=text))),
            st.text(max_size=5000).map(lambda text: user(answer("a", text))),
        ),
        max_size=30,
    ),
    st.integers(200, 50_000),
)
def test_a_conversation_as_text_and_what_stands_in_for_a_summary_keep_their_length(
    conversation: list[Json], most: int
) -> None:
    assert len(as_text(conversation, most)) <= most
    assert len(without_a_model(conversation, "It is late.", most)) <= most + most // 4 + 200


def test_without_a_model_the_first_and_the_latest_words_stay() -> None:
    conversation = [user("Build it."), *(assistant(f"Step {number}. " + "x" * 90) for number in range(50))]
    text = without_a_model(conversation, "The model refused.", 1000)
    assert "The model refused." in text
    assert "User: Build it." in text
    assert "You: Step 49." in text
    assert "Step 20" not in text


def test_the_todo_list_survives_two_compactions_without_a_call_between_them() -> None:
    once = stretch("One.", kept_in([user("go"), assistant(use("a", "update_todos", todos=[{"text": "write"}]))]))
    twice = stretch("Two.", kept_in([once, assistant("hm"), user("and?")]))
    assert todos_in([twice, assistant("done")]) == (Todo(text="write"),)
