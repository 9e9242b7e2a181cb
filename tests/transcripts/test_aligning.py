"""What came from what is told by identity, and by place where nothing is left of it."""

from antiphon.transcripts.aligning import align, weave


def _message(text: str, role: str = "user") -> dict[str, object]:
    return {"role": "".join(role), "content": [{"type": "text", "text": text}]}


def test_the_same_objects_are_the_same_wherever_they_stand() -> None:
    a, b, c = _message("x"), _message("x"), _message("x")
    assert align([a, b, c], [c, a]) == [2, 0]


def test_a_copy_is_known_by_the_parts_it_shares() -> None:
    a, b = _message("one"), _message("two")
    assert align([a, b], [{**b, "content": [{"type": "text", "text": "three"}, b["content"]]}]) == [1]


def test_a_new_element_has_no_origin() -> None:
    a, b = _message("one"), _message("two", "assistant")
    assert align([a, b], [a, b, _message("three")]) == [0, 1, None]
    assert align([a, b], [a, _message("new"), b]) == [0, None, 1]


def test_what_shares_nothing_takes_the_place_of_what_is_gone_if_it_is_of_the_same_role() -> None:
    a, b, c = _message("one"), _message("two", "assistant"), _message("three")
    assert align([a, b, c], [a, _message("new", "assistant"), c]) == [0, 1, 2]
    assert align([a, b, c], [a, _message("new", "user"), c]) == [0, None, 2]


def test_what_is_not_shown_stays_behind_what_it_stood_behind() -> None:
    stored = ["head", "a", "note", "b", "c", "tail"]
    woven = weave(stored, [1, 3, 4], [0, None, 2], lambda position, old: f"{position}:{old}")
    assert woven == ["head", "0:a", "note", "1:None", "2:c", "tail"]


def test_what_is_reordered_takes_its_followers_along() -> None:
    stored = ["a", "note", "b", "c"]
    assert weave(stored, [0, 2, 3], [2, 0, 1], lambda _, old: str(old)) == ["c", "a", "note", "b"]
