"""Makes text of a model, a tool or a file name safe to print on a terminal.

A terminal obeys what is printed on it: escape sequences move the cursor, rewrite what stands there, fill the clipboard
or hide a link; bidirectional and invisible characters show another text than the one that runs. Everything that was not
typed by the person at the keyboard goes through here before it reaches a terminal.

Complete escape sequences are dropped, as they hold nothing to read. Whatever remains of them, and every other control
character, is shown as a visible mark, so that nothing can hide. Works on any piece of text without memory of the last
one: a sequence split over two pieces shows its rests, which is ugly and harmless.
"""

import re
import unicodedata

# Colours and cursor movements (CSI), and strings such as titles, links and clipboard writes (OSC, DCS, SOS, PM, APC).
# The strings end at BEL or ST. They are bounded and end at a line's end, because one that never ends could otherwise
# hide all that follows from the reader.
_SEQUENCES = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]"
    "|(?:\x1b[\\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x90-\x9f\r\n]{0,4096}(?:\x07|\x1b\\\\|\x9c)"
    "|\x1b[ -/]{1,4}[0-~]"
    "|\x1b[0-OQ-WYZ\\\\`a-~]"
)
# Unicode's control, format and separator characters that show nothing themselves, fillers that look like nothing, and
# variation selectors beyond the one a character can have (both carry hidden text).
_SUSPECT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]|(?<=[\ufe00-\ufe0f])[\ufe00-\ufe0f]"
)
_JOINERS = "\u200c\u200d"
# Scripts whose spelling or emoji need joiners begin above the European ones.
_FIRST_JOINABLE = 0x0300


def safe(text: str) -> str:
    """Return the text without anything a terminal would obey; line feeds and tabs stay.

    Control characters are shown as their Unicode pictures, invisible and direction-changing ones as `<U+202E>`.
    Joiners between letters of scripts that need them stay, a carriage return before a line feed goes.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _SEQUENCES.sub("", text.replace("\r\n", "\n"))
    return _SUSPECT.sub(lambda match: _shown(text, match), text)


def one_line(text: str, width: int = 0) -> str:
    """Return the text made safe on one line, runs of white space as one space; cut to `width` columns unless 0."""
    line = " ".join(safe(text).split())
    return cut(line, width) if width else line


def cut(line: str, width: int) -> str:
    """Return a line cut to at most `width` terminal columns, with an ellipsis where something was left out."""
    if len(line) <= width and line.isascii():
        return line
    used = 0
    fits = 0
    for position, character in enumerate(line):
        used += columns(character)
        if used > width:
            return line[:fits] + "…" if width > 0 else ""
        if used < width:
            fits = position + 1
    return line


def columns(text: str) -> int:
    """Return how many terminal columns safe text takes on one line."""
    if text.isascii():
        return len(text)
    return sum(_columns_of(character) for character in text)


def _columns_of(character: str) -> int:
    if character == "\N{VARIATION SELECTOR-16}":
        return 1  # it makes a narrow character a wide one
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def _shown(text: str, match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\N{SYMBOL FOR DELETE}"
    if 0xD800 <= code <= 0xDFFF:
        return "\N{REPLACEMENT CHARACTER}"
    if character in _JOINERS and _joins(text, match.start()):
        return character
    return f"<U+{code:04X}>"


def _joins(text: str, position: int) -> bool:
    """Tell whether a joiner stands between two characters that can be joined, none of them invisible itself."""
    neighbours = text[max(0, position - 1) : position] + text[position + 1 : position + 2]
    return len(neighbours) == 2 and all(
        ord(character) >= _FIRST_JOINABLE and not _SUSPECT.match(character) for character in neighbours
    )
