"""A small grep that prints what `rg --json` prints, for where ripgrep is not installed.

A program of its own, run as `python grep.py OPTIONS FILE...` with the options as JSON: a regular expression of a model
may take for ever, and only a process can be stopped then. Standard library only, and nothing of ours.
"""

import base64
import codecs
import json
import os
import re
import stat
import sys
from collections.abc import Iterator
from typing import Any

_LARGEST = 256 << 20
"""Larger files are passed over, as they are read whole."""
_WIDE = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def main(argv: list[str]) -> int:
    """Search the files and return the exit code: 0 found, 1 not found, 2 the pattern is unusable."""
    options = json.loads(argv[0])
    multiline = bool(options["multiline"])
    flags = (re.IGNORECASE if options["ignore_case"] else 0) | (re.MULTILINE | re.DOTALL if multiline else 0)
    try:
        pattern = re.compile(options["pattern"], flags)
    except (re.error, OverflowError, RecursionError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    found = False
    for path in argv[1:]:
        text = _text_of(path)
        if text is None:
            continue
        lines = text.split("\n")
        if lines[-1] == "":
            lines.pop()
        spans = list((_blocks if multiline else _lines)(pattern, text, lines))[: options["max_count"]]
        if spans:
            found = True
            _tell(path, lines, spans, options["context"])
    return 0 if found else 1


def _text_of(path: str) -> str | None:
    """Return the text of a file; None when it is binary, no file, or cannot be read."""
    try:
        descriptor = _opened(path)
        with open(descriptor, "rb") as file:  # noqa: PTH123  (a descriptor)
            info = os.fstat(descriptor)
            if not stat.S_ISREG(info.st_mode) or info.st_size > _LARGEST:
                return None
            data = file.read()
    except OSError:
        return None
    for mark, encoding in _WIDE:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace").replace("\r\n", "\n")
    if b"\0" in data:
        return None
    # So that `$` is where a line ends for people, and offsets in a line stay what they are.
    return data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace").replace("\r\n", "\n")


def _opened(path: str) -> int:
    """Open a file; no part of its path may be a link, whatever it was when the path was told."""
    *above, name = path.split("/")
    directory = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in above:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
            os.close(directory)
            directory = below
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
    finally:
        os.close(directory)


Span = tuple[int, int, tuple[int, int]]
"""First line, line after the last one, and where the match is in the first line, in bytes."""


def _lines(pattern: "re.Pattern[str]", _text: str, lines: list[str]) -> Iterator[Span]:
    for number, line in enumerate(lines):
        match = pattern.search(line)
        if match:
            start = len(line[: match.start()].encode())
            yield number, number + 1, (start, start + len(match.group().encode()))


def _blocks(pattern: "re.Pattern[str]", text: str, lines: list[str]) -> Iterator[Span]:
    """Yield the runs of lines that matches touch; runs that touch each other are one."""
    first, end, at = 0, 0, (0, 0)
    line, seen = 0, 0
    for match in pattern.finditer(text):
        line += text.count("\n", seen, match.start())
        seen = match.start()
        last = line + text.count("\n", match.start(), max(match.start(), match.end() - 1))
        if line >= len(lines):
            break
        if line < end:
            end = max(end, last + 1)
            continue
        if end:
            yield first, end, at
        start = len(text[text.rfind("\n", 0, match.start()) + 1 : match.start()].encode())
        first, end, at = line, last + 1, (start, start + len(match.group().encode()))
    if end:
        yield first, end, at


def _tell(path: str, lines: list[str], spans: list[Span], context: int) -> None:
    _print("begin", {"path": _data(path)})
    told = 0
    for index, (first, end, at) in enumerate(spans):
        following = spans[index + 1][0] if index + 1 < len(spans) else len(lines)
        for number in range(max(told, first - context), first):
            _line("context", path, number, lines[number : number + 1])
        _line("match", path, first, lines[first:end], at)
        told = min(end + context, following, len(lines))
        for number in range(end, told):
            _line("context", path, number, lines[number : number + 1])
    _print("end", {"path": _data(path), "binary_offset": None, "stats": {"matched_lines": len(spans)}})


def _line(kind: str, path: str, number: int, lines: list[str], at: tuple[int, int] | None = None) -> None:
    submatches = [{"start": at[0], "end": at[1]}] if at else []
    text = {"text": "\n".join([*lines, ""])}
    _print(kind, {"path": _data(path), "lines": text, "line_number": number + 1, "submatches": submatches})


def _data(path: str) -> dict[str, str]:
    raw = os.fsencode(path)
    try:
        return {"text": raw.decode()}
    except UnicodeDecodeError:
        return {"bytes": base64.b64encode(raw).decode()}


def _print(kind: str, data: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"type": kind, "data": data}) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
