"""Who has to wait for whom, against the definition said as simply as it can be."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antiphon.engine.events import Access, Resource, reading, writing
from antiphon.engine.hazards import Hazards

PARTS = st.sampled_from(["a", "b", "c"])
RESOURCES = st.lists(PARTS, max_size=4).map(tuple)
ACCESSES = st.builds(
    Access,
    reads=st.lists(RESOURCES, max_size=3).map(tuple),
    writes=st.lists(RESOURCES, max_size=3).map(tuple),
)


def covers(one: Resource, other: Resource) -> bool:
    return one[: len(other)] == other or other[: len(one)] == one


def conflicting(one: Access, other: Access) -> bool:
    return any(
        covers(mine, theirs)
        for mine, theirs in (
            *((mine, theirs) for mine in one.writes for theirs in other.writes),
            *((mine, theirs) for mine in one.writes for theirs in other.reads),
            *((mine, theirs) for mine in one.reads for theirs in other.writes),
        )
    )


class Model:
    """The same by going through all pairs."""

    def __init__(self) -> None:
        self.line: list[tuple[str, Access]] = []

    def add(self, key: str, access: Access) -> tuple[str, ...]:
        blockers = tuple(other for other, theirs in self.line if conflicting(access, theirs))
        self.line.append((key, access))
        return blockers

    def remove(self, key: str) -> None:
        self.line = [(other, access) for other, access in self.line if other != key]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_blockers_are_the_earlier_calls_that_conflict_in_line_order(data: st.DataObject) -> None:
    hazards, model = Hazards(), Model()
    for number in range(data.draw(st.integers(1, 14))):
        if model.line and data.draw(st.booleans()):
            key = data.draw(st.sampled_from([key for key, _ in model.line]))
            hazards.remove(key)
            model.remove(key)
        access = data.draw(ACCESSES)
        assert hazards.add(str(number), access) == model.add(str(number), access)


def test_a_long_line_of_random_calls_agrees_with_the_definition() -> None:
    chance = random.Random(4)
    hazards, model = Hazards(), Model()

    def resource() -> Resource:
        return tuple(chance.choice("abcd") for _ in range(chance.randrange(5)))

    for number in range(3000):
        if len(model.line) > 40:
            key = chance.choice(model.line)[0]
            hazards.remove(key)
            model.remove(key)
        access = Access(
            tuple(resource() for _ in range(chance.randrange(3))), tuple(resource() for _ in range(chance.randrange(3)))
        )
        assert hazards.add(str(number), access) == model.add(str(number), access)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ACCESSES, max_size=8), st.randoms())
def test_a_line_that_is_empty_again_holds_nothing(accesses: list[Access], chance: random.Random) -> None:
    hazards = Hazards()
    keys = [str(number) for number in range(len(accesses))]
    for key, access in zip(keys, accesses, strict=True):
        hazards.add(key, access)
    chance.shuffle(keys)
    for key in keys:
        hazards.remove(key)
    assert hazards.add("last", writing(())) == ()
    hazards.remove("last")
    assert hazards._root.children == {}
    assert (hazards._root.users_below, hazards._root.writers_below) == (0, 0)


@pytest.mark.parametrize(
    ("first", "second", "waits"),
    [
        (writing(("file", "a")), writing(("file", "a")), True),
        (writing(("file", "a")), reading(("file", "a")), True),
        (reading(("file", "a")), writing(("file", "a")), True),
        (reading(("file", "a")), reading(("file", "a")), False),
        (writing(("file", "a")), writing(("file", "ab")), False),
        (writing(("file",)), reading(("file", "a", "b")), True),
        (reading(("file", "a", "b")), writing(("file",)), True),
        (writing(()), reading(("mcp", "x")), True),
        (reading(("mcp", "x")), writing(()), True),
        (writing(()), writing(()), True),
        (writing(()), Access(), False),
        (Access(), writing(()), False),
        (Access(reads=(("a",),), writes=(("a",),)), reading(("b",)), False),
    ],
)
def test_two_calls_conflict_when_one_path_covers_the_other_and_one_side_writes(
    first: Access, second: Access, *, waits: bool
) -> None:
    hazards = Hazards()
    hazards.add("first", first)
    assert hazards.add("second", second) == (("first",) if waits else ())


def test_a_path_may_be_as_deep_as_a_file_system_allows() -> None:
    deep = ("file", *("d" for _ in range(4000)))
    hazards = Hazards()
    assert hazards.add("deep", writing(deep)) == ()
    assert hazards.add("above", writing(("file",))) == ("deep",)
    assert hazards.add("all", reading(())) == ("deep", "above")
