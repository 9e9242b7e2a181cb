"""The table of rules, and the dialects that name them."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from wire_talk import assistant, call, request, result, user

import antiphon.protocol.rules
from antiphon.protocol.checking import check, repair
from antiphon.protocol.dialects import DIALECTS, dialect, in_strict_order
from antiphon.protocol.registry import BODY, EVERY_RULE, MEANING, RULES, SHAPE, rule


def test_ids_and_names_are_well_formed_and_unique() -> None:
    assert all(re.fullmatch(r"(TU|MS|CO|TH|SV|TO|CC|RQ)\d{3}", found.id) for found in EVERY_RULE)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", found.name) for found in EVERY_RULE)
    assert len({found.id for found in EVERY_RULE}) == len({found.name for found in EVERY_RULE}) == len(EVERY_RULE)
    assert all(found.source.references and found.statement.endswith(".") for found in EVERY_RULE)
    assert all(found.done for found in EVERY_RULE if found.mends)


def test_every_file_of_a_rule_is_in_the_table() -> None:
    files = {file.stem for file in Path(antiphon.protocol.rules.__path__[0]).glob("[a-z]*.py")}
    assert files == {f"{found.id.lower()}_{found.name.replace('-', '_')}" for found in EVERY_RULE}


def test_the_table_is_shape_then_meaning() -> None:
    assert RULES == SHAPE + MEANING
    assert EVERY_RULE == BODY + RULES


def test_a_rule_is_found_by_id_and_by_name() -> None:
    assert rule("TU003") is rule("tool-result-out-of-order")
    with pytest.raises(KeyError, match="TU999"):
        rule("TU999")


def test_a_dialect_is_found_by_name() -> None:
    assert {name: dialect(name).name for name in DIALECTS} == {name: name for name in DIALECTS}
    with pytest.raises(ValueError, match="there is no dialect 'azure'; known are anthropic, vertex, bedrock,"):
        dialect("azure")


def test_dialects_name_rules_there_are() -> None:
    ids = {found.id for found in RULES}
    for found in DIALECTS.values():
        assert found.except_rules | found.doubtful_rules <= ids


def test_a_rule_that_an_upstream_does_not_enforce_is_neither_checked_nor_repaired() -> None:
    given = request(user("go"), assistant(call("a")), user("stop"))
    lenient = replace(dialect("anthropic"), except_rules=frozenset({"TU001"}))
    assert check(given, lenient) == []
    assert repair(given, lenient).request is given


def test_strict_order_is_a_variant_of_any_dialect() -> None:
    given = request(user("go"), assistant(call("a"), call("b")), user(result("b"), result("a")))
    for found in DIALECTS.values():
        assert check(given, replace(found, strict_order=False)) == []
        assert [violation.rule for violation in check(given, in_strict_order(found))] == ["TU003"]
        assert in_strict_order(found) == replace(found, strict_order=True)
