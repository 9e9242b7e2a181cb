"""An edit of JSON changes what was edited, and keeps the characters of everything else."""

import json
from typing import Any

import pytest

from antiphon.protocol.messages import is_object
from antiphon.transcripts.document import Unreadable
from antiphon.transcripts.located import Located


def _with_first(value: Any, **fields: Any) -> Any:
    first, *others = value["messages"]
    return {**value, "messages": [{**first, **fields}, *others]}


def test_numbers_escapes_and_blanks_of_what_was_not_edited_stay() -> None:
    text = (
        '\n{ "big": 12345678901234567890,"e" :1.50e+3,"messages":[ {"role" : "\\u0075ser","n":1e400,"c":[]}, {} ] }\n'
    )
    located = Located(text)
    assert located.rendered(located.value) == text
    assert located.rendered(_with_first(located.value, role="assistant")) == text.replace('"\\u0075ser"', '"assistant"')


def test_new_members_are_written_in_the_style_of_their_neighbours() -> None:
    text = '{\n\t"messages": [\n\t\t{\n\t\t\t"role": "user"\n\t\t}\n\t]\n}\n'
    located = Located(text)
    assert is_object(located.value)
    added = {"role": "assistant", "content": [{"type": "text", "text": "é"}]}
    value: Any = {**located.value, "messages": [*located.value["messages"], added]}
    expected = json.dumps(value, indent="\t", ensure_ascii=False) + "\n"
    assert located.rendered(value) == expected


def test_a_compact_text_stays_compact_and_an_escaped_one_escaped() -> None:
    located = Located('{"messages":[{"role":"us\\u00e9r"}]}')
    value = _with_first(located.value, content=[{"text": "ü", "n": [1, 2]}])
    assert located.rendered(value) == '{"messages":[{"role":"us\\u00e9r","content":[{"text":"\\u00fc","n":[1,2]}]}]}'


def test_removed_reordered_and_repeated_elements() -> None:
    located = Located('[ {"a": 1.0} , {"b": 2.0} , {"c": 3.0} ]')
    first, second, third = located.value
    assert located.rendered([third, first]) == '[ {"c": 3.0} , {"a": 1.0} ]'
    assert located.rendered([second]) == '[ {"b": 2.0} ]'
    assert located.rendered([]) == "[]"
    assert located.rendered([first, first]) == '[ {"a": 1.0} , {"a": 1.0} ]'


def test_an_element_put_into_an_empty_array_follows_the_style() -> None:
    located = Located('{\n  "messages": []\n}')
    assert located.rendered({"messages": [{"a": 1}]}) == '{\n  "messages": [\n    {\n      "a": 1\n    }\n  ]\n}'


def test_of_equal_keys_the_last_counts_and_an_edit_leaves_one() -> None:
    text = '[{"role":"a","role":"b","n":1}, {"k":1}]'
    located = Located(text)
    first, second = located.value
    assert first == {"role": "b", "n": 1}
    assert located.rendered([first]) == '[{"role":"a","role":"b","n":1}]'
    assert json.loads(located.rendered([{**first, "m": 2}, second])) == [{"role": "b", "n": 1, "m": 2}, {"k": 1}]


def test_windows_line_ends_are_kept() -> None:
    text = '{\r\n  "messages": [\r\n    {}\r\n  ]\r\n}\r\n'
    located = Located(text)
    assert is_object(located.value)
    written = located.rendered({"messages": [*located.value["messages"], {"a": 1}]})
    assert written == '{\r\n  "messages": [\r\n    {},\r\n    {\r\n      "a": 1\r\n    }\r\n  ]\r\n}\r\n'


@pytest.mark.parametrize("cut", range(1, 60))
def test_an_array_that_was_cut_off_keeps_what_was_whole(cut: int) -> None:
    text = '[\n  {"role": "user", "n": 1.50},\n  {"role": "assistant"},\n  {}\n]'
    located = Located(text[:cut], salvage=True)
    whole = [value for value, end in (({"role": "user", "n": 1.5}, 31), ({"role": "assistant"}, 56)) if cut >= end]
    assert located.value == whole
    written = located.rendered(located.value)
    assert json.loads(written) == whole
    assert "1.50" in written or not whole


def test_an_array_with_a_fault_in_the_middle_is_not_cut_there() -> None:
    with pytest.raises(Unreadable, match="line 1 column 12"):
        Located('[{"a": 1}, oops, {"b": 2}, {"c": 3}]', salvage=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"a": ' * 100_000, "nested too deeply"),
        ("9" * 5000, "Exceeds the limit"),
        ('["\x00"]', "Invalid control character at, at line 1 column 3"),
        ("", "Expecting value, at line 1 column 1"),
        ("Infinity", "Infinity is not a JSON value"),
    ],
)
def test_what_is_no_json_is_unreadable_and_nothing_else(text: str, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        Located(text)


def test_what_cannot_be_written_is_said_so() -> None:
    located = Located('[{"a": 1e400}]')
    with pytest.raises(Unreadable, match="cannot be written as JSON"):
        located.rendered([{"b": located.value[0]["a"]}])
