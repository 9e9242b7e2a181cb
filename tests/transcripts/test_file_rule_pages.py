"""The pages about faults of files tell the truth: their examples have that fault, and are mended as shown."""

import re
from pathlib import Path

import pytest

from antiphon.transcripts.detecting import read
from antiphon.transcripts.file_rules import FILE_RULES, FileRule

PAGES = Path(__file__, "../../../docs/rules").resolve()
BREAKS = re.compile(r"<!-- breaks: (?P<rule>\w+), (?P<format>[\w-]+) -->\n```text\n(?P<text>.*?)\n```\n", re.DOTALL)
OK = re.compile(r"<!-- ok -->\n```text\n(?P<text>.*?)\n```\n", re.DOTALL)
WITHOUT_EXAMPLE = {
    "FI008": "a page is UTF-8",
    "FI009": "a database is no text",
    "FI010": "it is about the name of a file",
}

every_rule = pytest.mark.parametrize("rule", FILE_RULES, ids=lambda rule: rule.id)


def _page(rule: FileRule) -> str:
    return (PAGES / f"{rule.id}-{rule.name}.md").read_text(encoding="utf-8")


def test_there_is_a_page_for_each_rule_and_for_nothing_else() -> None:
    assert {page.name for page in PAGES.glob("FI*.md")} == {f"{rule.id}-{rule.name}.md" for rule in FILE_RULES}


@every_rule
def test_the_page_says_what_the_rule_says(rule: FileRule) -> None:
    page = _page(rule)
    assert page.startswith(f"# {rule.id}: {rule.name}\n\n{rule.statement}\n")
    assert ("**Mended** when" in page) == rule.mended
    assert ("**Not mended**" in page) != rule.mended
    assert bool(rule.done) == rule.mended
    assert "## Sources" in page


@every_rule
def test_the_example_has_this_fault_and_is_mended_as_shown(rule: FileRule) -> None:
    found = BREAKS.search(_page(rule))
    if found is None:
        assert rule.id in WITHOUT_EXAMPLE
        return
    # A file that was torn ends where it was torn; others end with their last line.
    end = "" if rule.id in {"FI001", "FI007"} else "\n"
    path = Path("api_conversation_history.json" if found["format"] == "roo" else "session.jsonl")
    document = read(path, f"{found['text']}{end}".encode(), format=found["format"])
    assert {(each.rule, each.mended) for each in document.findings} == {(rule.id, rule.mended)}
    written = document.rendered([stored.request for stored in document.conversations]).decode()
    shown = OK.search(_page(rule))
    assert written.rstrip("\n") == (shown["text"] if shown else found["text"])


def test_the_index_lists_all_file_rules() -> None:
    index = (PAGES / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(FI\d+) ([\w-]+)\]\((.*?)\) \| (.*?) \| (\w+) \|$", index, re.MULTILINE)
    assert rows == [
        (rule.id, rule.name, f"{rule.id}-{rule.name}.md", rule.statement, "mended" if rule.mended else "none")
        for rule in FILE_RULES
    ]
