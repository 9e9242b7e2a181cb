"""What the documents point to is there: other pages, files, and names in the code."""

import ast
import re
from pathlib import Path

import pytest

from documents import PAGES, ROOT, name_of

SOURCE = ROOT / "src/antiphon"
LINK = re.compile(r"\]\((?!https?:)(?P<target>[^)#\s]+)[^)]*\)")
POINTER = re.compile(r"`(?P<file>[\w./-]+\.(?:py|md))(?::(?P<name>[\w.]+))?`")
"""`engine/turn.py:Turn.receive`, or only the file."""


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    targets = [found["target"] for found in LINK.finditer(page.read_text())]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_code_that_is_pointed_to_is_there(page: Path) -> None:
    wrong: list[str] = []
    for found in POINTER.finditer(page.read_text()):
        places = [place / found["file"] for place in (ROOT, SOURCE, page.parent)]
        file = next((place for place in places if place.is_file()), None)
        if file is None or (found["name"] and not defines(file, found["name"].split("."))):
            wrong.append(found[0])
    assert wrong == []


def defines(file: Path, names: list[str]) -> bool:
    """Say whether a module defines a name, such as a class and its method."""
    body: list[ast.stmt] = ast.parse(file.read_text()).body
    for name in names:
        found = next((statement for statement in body if name in defined_by(statement)), None)
        if found is None:
            return False
        body = found.body if isinstance(found, ast.ClassDef) else []
    return True


def defined_by(statement: ast.stmt) -> list[str]:
    """Return the names that a statement defines."""
    match statement:
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            return [statement.name]
        case ast.Assign():
            return [target.id for target in statement.targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []
