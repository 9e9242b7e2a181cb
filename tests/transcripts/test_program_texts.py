"""What programs write into the user's messages is told from what the user says there."""

import pytest

from antiphon.transcripts.program_texts import is_by_program, is_note, is_result_in_words, unwrapped, workspace_in

DETAILS = "<environment_details>\n# Current Time\nnoon\n</environment_details>"


@pytest.mark.parametrize(
    "text",
    [
        DETAILS,
        f"\n{DETAILS}\n\n<system-reminder>Use TodoWrite.</system-reminder>\n",
        "<environment_context>\n  <cwd>/home/ada</cwd>\n</environment_context>",
        "# AGENTS.md instructions for /home/ada\n\n<INSTRUCTIONS>\nBe brief.\n</INSTRUCTIONS>",
    ],
)
def test_what_a_program_says_of_the_moment_is_a_note(text: str) -> None:
    assert is_note(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "Fix it",
        f"{DETAILS} Fix it",
        f"Fix it {DETAILS}",
        f"{DETAILS} Fix it {DETAILS}",
        "<environment_details> is in every message, why?",
        "# AGENTS.md instructions are not followed",
        "</environment_details>",
    ],
)
def test_what_the_user_says_is_no_note(text: str) -> None:
    assert not is_note(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<task>\nFix it\n</task>", "Fix it"),
        ("\n<user_message>\nFix <b>it</b>\n\nnow\n</user_message>\n", "Fix <b>it</b>\n\nnow"),
        ("<feedback>no</feedback>", "no"),
        ("<task>\n\n</task>", "<task>\n\n</task>"),
        ("<task>a</task> and <task>b</task>", "<task>a</task> and <task>b</task>"),
        ("<task>a</answer>", "<task>a</answer>"),
        ("What is <task>a</task>?", "What is <task>a</task>?"),
    ],
)
def test_what_is_wrapped_around_the_users_words_comes_off(text: str, said: str) -> None:
    assert unwrapped(text) == said


def test_results_in_words_and_other_texts_of_programs_are_known() -> None:
    for text in ("[read_file for 'it's/x.py'] Result:\nimport os", "[attempt_completion] Result:"):
        assert is_result_in_words(text)
        assert is_by_program(text)
    for text in ("[Request interrupted by user for tool use]", "[TASK RESUMPTION] It was interrupted."):
        assert is_by_program(text)
        assert not is_result_in_words(text)
    assert not is_by_program("The Result: of [read_file]")


@pytest.mark.parametrize(
    ("text", "workspace"),
    [
        ("# Current Workspace Directory (/home/ada/a (b)) Files\nx.py", "/home/ada/a (b)"),
        ("# Current Working Directory (/home/ada) Files\n(none)", "/home/ada"),
        ("<cwd>/home/ada</cwd>", "/home/ada"),
        ("# Current Workspace Directory ()", ""),
        ("nowhere", ""),
    ],
)
def test_the_workspace_is_found_in_the_notes(text: str, workspace: str) -> None:
    assert workspace_in(text) == workspace


@pytest.mark.parametrize(
    "piece", ["<environment_details></environment_details>", "<task></task>", "<cwd>", "# Current Working Directory ("]
)
def test_no_text_takes_long(piece: str) -> None:
    # A hundred thousand pieces and an end that spoils it: whoever tries every way to cut them does not come back.
    text = piece * 100_000 + "x"
    assert not is_note(text)
    assert unwrapped(text) == text
    assert not is_by_program(text)
    assert workspace_in(text) == ""
