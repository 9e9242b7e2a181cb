import re

from reference import PAGE, PARTS, with_parts

from antiphon.cli.stream_json import SUBTYPES


def test_the_page_says_what_the_code_says() -> None:
    page = PAGE.read_text("utf-8")
    assert page == with_parts(page), "run: python tests/cli/reference.py"


def test_every_generated_part_stands_on_the_page() -> None:
    assert re.findall(r"<!-- generated: ([\w ]+) -->", PAGE.read_text("utf-8")) == list(PARTS)


def test_the_page_has_every_stop_reason_and_subtype() -> None:
    page = PAGE.read_text("utf-8")
    assert all(f"`{reason}`" in page and f"`{subtype}`" in page for reason, subtype in SUBTYPES.items())
