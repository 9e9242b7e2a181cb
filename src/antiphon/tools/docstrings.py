"""What a docstring tells a model: what the function does, and what each argument means.

Reads the Google form (`Args:` with indented names). Anything else is description.
"""

import inspect
import re

_SECTION = re.compile(r"^(Args|Arguments|Parameters|Raises|Yields|Examples?|Attributes|Returns|Notes?|Warnings?):\s*$")
_ENTRY = re.compile(r"^(?P<indent>\s+)\*{0,2}(?P<name>\w+)\s*(?:\([^)]*\))?\s*:\s*(?P<text>.*)$")


def read_docstring(docstring: str | None) -> tuple[str, dict[str, str]]:
    """Return the description and the descriptions of arguments.

    The sections about arguments and exceptions are left out of the description: the schema says the former, and the
    latter arrive as results.
    """
    if not docstring:
        return "", {}
    description: list[str] = []
    arguments: list[str] = []
    section = ""
    for line in inspect.cleandoc(docstring).splitlines():
        heading = _SECTION.match(line)
        if heading:
            section = heading.group(1)
        elif line.strip() and not line[0].isspace():
            section = ""
        if section in {"Args", "Arguments", "Parameters"}:
            arguments.append(line)
        elif section != "Raises":
            description.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(description)).strip(), _entries(arguments[1:])


def _entries(lines: list[str]) -> dict[str, str]:
    """Read `name: text` entries; deeper lines continue the entry above them."""
    found: dict[str, str] = {}
    indent = -1
    name = ""
    for line in lines:
        entry = _ENTRY.match(line)
        depth = len(line) - len(line.lstrip())
        if entry and (indent < 0 or depth <= indent):
            indent = depth
            name = entry.group("name")
            found[name] = entry.group("text").strip()
        elif name and line.strip():
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found
