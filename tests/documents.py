"""The documents of this project."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    *sorted(ROOT.glob("*.md")),
    # The pages of rules are examples through and through; tests/protocol runs them.
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if page.parent.name != "rules"),
]


def name_of(page: Path) -> str:
    """Return the path of a page from the root of the checkout."""
    return page.relative_to(ROOT).as_posix()
