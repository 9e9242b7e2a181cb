"""The pages about rules tell the truth: their examples break exactly that rule, and are repaired as shown."""

import ast
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from seen import Seen

from antiphon.protocol.checking import check, repair
from antiphon.protocol.context import NOTHING_KNOWN, Context, Dialect
from antiphon.protocol.dialects import ALL_DIALECTS, DIALECTS, in_strict_order
from antiphon.protocol.messages import Json
from antiphon.protocol.raw import decode_body
from antiphon.protocol.registry import BODY, EVERY_RULE, RULES
from antiphon.protocol.rule import BodyRule, Rule, Safety

PAGES = Path(__file__, "../../../docs/rules").resolve()
EXAMPLE = re.compile(r"<!-- (?P<mark>ok|breaks: \w+) -->\n```json\n(?P<json>.*?)\n```\n", re.DOTALL)
SAYS = re.compile(r"The API says:\n\n```text\n(?P<text>.*?)\n```\n", re.DOTALL)
BYTES = re.compile(r"<!-- (?P<mark>ok|breaks: \w+) -->\n```python\n(?P<body>.*?)\n```\n", re.DOTALL)
SENT = re.compile("<!-- sent: (?P<version>[0-9-]+)(?P<counting>, counting)? -->")
SEEN = re.compile(r"<!-- seen -->\n```json\n(?P<json>.*?)\n```\n", re.DOTALL)
REPEATED = re.compile(r"<!-- repeated: (?P<times>\d+) -->")
UPSTREAM = re.compile("<!-- dialect: (?P<name>[a-z-]+) -->")

every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
every_body_rule = pytest.mark.parametrize("rule", BODY, ids=lambda rule: rule.id)


def _page(rule: Rule) -> str:
    return (PAGES / f"{rule.id}-{rule.name}.md").read_text(encoding="utf-8")


def _examples(rule: Rule, mark: str) -> list[Json]:
    examples = [json.loads(found["json"]) for found in EXAMPLE.finditer(_page(rule)) if found["mark"] == mark]
    repeated = REPEATED.search(_page(rule))
    if repeated:
        examples[0]["messages"] *= int(repeated["times"])
    return examples


def _upstream(rule: Rule) -> Dialect:
    found = UPSTREAM.search(_page(rule))
    name = found["name"] if found else "anthropic"
    if name == "strict-order":
        return in_strict_order(DIALECTS["anthropic"])
    if name == "cautious":
        return DIALECTS["anthropic"].cautious()
    cautious = name.endswith("-cautious")
    upstream = ALL_DIALECTS[name.removesuffix("-cautious")]
    return upstream.cautious() if cautious else upstream


def _context(rule: Rule) -> Context:
    """What a page says is known of its examples beside the body: how they are sent, and what was seen before."""
    sent, seen = SENT.search(_page(rule)), SEEN.search(_page(rule))
    context = Context(sent["version"], frozenset(), counting=bool(sent["counting"])) if sent else NOTHING_KNOWN
    return replace(context, memory=Seen(json.loads(seen["json"]))) if seen else context


@every_rule
def test_the_example_breaks_this_rule_and_no_other_in_the_words_the_page_quotes(rule: Rule) -> None:
    (failing,) = _examples(rule, f"breaks: {rule.id}")
    violations = check(failing, _upstream(rule), context=_context(rule))
    assert {violation.rule for violation in violations} == {rule.id}
    quoted = SAYS.search(_page(rule))
    assert quoted
    assert quoted["text"] == violations[0].text


@every_rule
def test_the_example_is_repaired_to_what_the_page_shows(rule: Rule) -> None:
    (failing,) = _examples(rule, f"breaks: {rule.id}")
    outcome = repair(failing, _upstream(rule), context=_context(rule))
    if rule.repair is None:
        assert outcome.request is failing
        assert [violation.rule for violation in outcome.remaining] == [rule.id]
        return
    (fixed,) = _examples(rule, "ok")
    assert outcome.request == fixed
    assert check(fixed, _upstream(rule), context=_context(rule)) == []
    assert {violation.rule for violation in outcome.violations} == {rule.id}


@every_rule
def test_safe_repairs_are_made_without_lossy_ones_and_lossy_ones_are_not(rule: Rule) -> None:
    (failing,) = _examples(rule, f"breaks: {rule.id}")
    outcome = repair(failing, _upstream(rule), lossy=False, context=_context(rule))
    if rule.safety is Safety.SAFE and rule.repair:
        assert [outcome.request] == _examples(rule, "ok")
    else:
        assert outcome.request is failing
        assert {violation.rule for violation in outcome.remaining} == {rule.id}


def _body(rule: Rule, mark: str) -> bytes:
    (body,) = [ast.literal_eval(found["body"]) for found in BYTES.finditer(_page(rule)) if found["mark"] == mark]
    return body


@every_body_rule
def test_the_body_breaks_this_rule_and_no_other_in_the_words_the_page_quotes(rule: BodyRule) -> None:
    (violation,) = decode_body(_body(rule, f"breaks: {rule.id}")).violations
    assert violation.rule == rule.id
    quoted = SAYS.search(_page(rule))
    assert quoted
    assert quoted["text"] == violation.text


@every_body_rule
def test_the_body_is_mended_to_what_the_page_shows_where_that_is_allowed(rule: BodyRule) -> None:
    failing = _body(rule, f"breaks: {rule.id}")
    mended, safely = decode_body(failing), decode_body(failing, lossy=False)
    if rule.mends is None:
        assert mended.request is None
        return
    fixed = _body(rule, "ok")
    assert mended.text.encode() == fixed
    assert decode_body(fixed).request == mended.request == json.loads(fixed)
    assert decode_body(fixed).violations == ()
    assert (safely.request is None) == (rule.mends is Safety.LOSSY)


@pytest.mark.parametrize("rule", EVERY_RULE, ids=lambda rule: rule.id)
def test_the_page_says_what_the_rule_says(rule: Rule) -> None:
    page = _page(rule)
    assert page.startswith(f"# {rule.id}: {rule.name}\n\n{rule.statement}\n")
    assert f"**{rule.safety.value.capitalize()}**" in page or rule.mends is None
    assert f"\n{rule.source.kind.capitalize()}" in page
    assert re.findall(r"^- \[(.*?)\]", page.partition("## Sources")[2], re.MULTILINE) == list(rule.source.references)


def test_there_is_a_page_for_each_rule_and_for_nothing_else() -> None:
    # Those about files (FI) are tested with what reads files.
    pages = {page.name for page in PAGES.glob("*.md") if not page.name.startswith("FI")} - {"README.md"}
    assert pages == {f"{rule.id}-{rule.name}.md" for rule in EVERY_RULE}


def test_the_index_lists_all_rules() -> None:
    index = (PAGES / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\w+) ([\w-]+)\]\((.*?)\) \| (.*?) \| (\w+) \|$", index, re.MULTILINE)
    order = ["TU", "MS", "CO", "TH", "SV", "TO", "CC", "RQ"]
    expected = [
        (rule.id, rule.name, f"{rule.id}-{rule.name}.md", rule.statement, rule.mends or "none")
        for rule in sorted(EVERY_RULE, key=lambda rule: (order.index(rule.id[:2]), rule.id))
    ]
    assert [row for row in rows if not row[0].startswith("FI")] == expected


def test_the_index_lists_all_dialects() -> None:
    index = (PAGES / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([\w-]+)` \|", index, re.MULTILINE) == list(ALL_DIALECTS)
