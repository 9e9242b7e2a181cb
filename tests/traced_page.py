"""Writes docs/trace.svg, and the picture in docs/trace.md: `python tests/traced_page.py`. A test compares them."""

import re
from pathlib import Path

from antiphon.agent.prices import usage_of
from antiphon.cli.tracing.choosing import choose
from antiphon.cli.tracing.drawing import document
from antiphon.cli.tracing.text import lines
from antiphon.sessions.tracing.replaying import trace
from traced_sessions import in_utc, shop

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "trace.md"
PICTURE = ROOT / "docs" / "trace.svg"
_PART = re.compile(r"(<!-- generated: text -->\n).*?(<!-- end -->)", re.DOTALL)


def parts() -> tuple[str, str]:
    """Return the page and the picture as the code has them now."""
    with in_utc():
        session = trace(shop().entries, price=lambda reply, model: usage_of(reply, model).cost)
        shown = choose(session)
        drawn = "\n".join("".join(text for text, _ in line).rstrip() for line in lines(session, shown, 100))
        page = _PART.sub(lambda match: f"{match[1]}\n```text\n{drawn}\n```\n\n{match[2]}", PAGE.read_text("utf-8"))
        return page, document(session, shown)


if __name__ == "__main__":
    page, picture = parts()
    PAGE.write_text(page, "utf-8")
    PICTURE.write_text(picture, "utf-8")
