"""What stands in for what people, models and tools said, when a request is shown to somebody else.

A stand-in says how long its text was and nothing else about it. What rules look at stays: whether there is any text,
whether it ends in white space, what an image begins like and how large it is, whether arguments are JSON. Equal texts
get equal stand-ins and distinct ones distinct ones, by a salted digest that cannot be guessed back.

Does not know where in a request what stands: that is `antiphon.proxy.redaction`.
"""

import base64
import hashlib
import re

from antiphon.protocol.calls import NO_RESULT
from antiphon.protocol.images import media_type_of, size_of
from antiphon.protocol.registry import RULES

_DIGEST = 5
_SURROGATE = re.compile("[\ud800-\udfff]")
_OURS = frozenset({NO_RESULT})
"""Texts that repairs write."""

_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_LOOKED_AT = 88
"""How much of base64 data rules look at, to tell whether it is any."""
_DATA_URL = re.compile(r"data:[\w.+/-]{0,80};base64,")
_ADDRESS = re.compile(r"[a-z]{2,10}://")

_TOKEN = re.compile(r"\w(?:[\w./-]*\w)?")
_PART = re.compile(r"[\W_]+")
_NUMBER = re.compile(r"\d{1,9}")
_WORD = re.compile(r"[a-z_]{2,}")
_LONGEST_ERROR = 4000


def _words() -> frozenset[str]:
    texts = " ".join(f"{rule.error} {rule.statement} {rule.name}" for rule in RULES)
    more = "bad request api internal server rate limit overloaded authentication permission exceeded please check long"
    return frozenset(_WORD.findall(f"{texts} {more}".lower().replace("_", " ")))


WORDS = _words()
"""What errors of APIs are made of: where it stands in one, it is no quotation, or says nothing."""


class StandIns:
    """Makes stand-ins, all with one salt."""

    def __init__(self, salt: bytes) -> None:
        """Take the salt: who knows it can guess short texts back."""
        self._salt = salt

    def text(self, text: str, kind: str = "text") -> str:
        """Return what stands in for a text; none, and white space alone, stay as they are."""
        if not text.strip() or text in _OURS:
            return text
        broken = "" if text.isascii() or not _SURROGATE.search(text) else "\ud800"
        end = text[-1] if text[-1].isspace() else ""
        return f"<{kind} {len(text)} characters {self._digest(text).hex()}>{broken}{end}"

    def name(self, text: str) -> str:
        """Return what stands in for a name: letters for letters, digits for digits, all else as it is."""
        stream = hashlib.shake_128(self._digest(text, 16)).digest(len(text))
        return "".join(map(_like, text, stream))

    def broken_json(self, text: str) -> str:
        """Return what stands in for a text that should be JSON and is none."""
        return text if not text.strip() else '{"' + self.text(text)

    def address(self, text: str) -> str:
        """Return what stands in for a URL: of the same scheme, and with data of the same kind if it holds any."""
        held = _DATA_URL.match(text)
        if held:
            return held[0] + self.data(text[held.end() :])
        scheme = _ADDRESS.match(text)
        return f"{scheme[0]}redacted.invalid/{self._digest(text).hex()}" if scheme else self.text(text)

    def data(self, text: str) -> str:
        """Return base64 data of the same length, that begin like an image of the same kind and size if these do."""
        if not text:
            return text
        held = _DATA_URL.match(text)
        if held:
            # Where data are wanted this is a fault, and stays one.
            return self.address(text)
        head = base64.b64encode(_head(media_type_of(text), size_of(text)) + self._digest(text, 9)).decode()
        start = text[:_LOOKED_AT]
        made = list(head.rstrip("=").ljust(_LOOKED_AT, "A")[: len(start)])
        for place, character in enumerate(start):
            if character not in _ALPHABET:
                made[place] = character if character.isspace() or character == "=" else "-"
        return "".join(made) + "A" * (len(text) - len(start))

    def error(self, text: str, known: frozenset[str] | set[str] = frozenset()) -> str:
        """Return the text of an error without what it quotes: words that no rule speaks in, but for known names."""

        def shown(found: re.Match[str]) -> str:
            token = found[0]
            parts = [part for part in _PART.split(token.lower()) if part]
            plain = all(part in WORDS or _NUMBER.fullmatch(part) for part in parts)
            return token if plain or token in known else f"<{len(token)} characters>"

        return _TOKEN.sub(shown, text[:_LONGEST_ERROR])

    def _digest(self, text: str, size: int = _DIGEST) -> bytes:
        return hashlib.blake2s(text.encode("utf-8", "surrogatepass"), key=self._salt, digest_size=size).digest()


def _like(character: str, chance: int) -> str:
    if character.isdecimal() and character.isascii():
        return str(chance % 10)
    if not character.isalnum():
        return character
    return chr((ord("a") if character.isascii() else 0xE0) + chance % 22)


def _head(kind: str | None, size: tuple[int, int] | None) -> bytes:
    """Return the beginning of an image of a kind and size, with nothing in it."""
    width, height = size or (0, 0)
    match kind:
        case "image/png":
            head = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big")
            return head if size else head[:8]
        case "image/gif":
            return b"GIF89a" + (width.to_bytes(2, "little") + height.to_bytes(2, "little") if size else b"")
        case "image/jpeg":
            frame = b"\xff\xc0\x00\x11\x08" + height.to_bytes(2, "big") + width.to_bytes(2, "big") + b"\x03"
            return b"\xff\xd8" + (frame if size else b"\xff\xd9")
        case "image/webp":
            chunk = b"VP8X\x0a\x00\x00\x00\x00\x00\x00\x00"
            room = b"".join((max(side, 1) - 1).to_bytes(3, "little") for side in (width, height)) if size else b""
            return b"RIFF\x00\x00\x00\x00WEBP" + (chunk + room if size else b"")
        case _:
            return b""
