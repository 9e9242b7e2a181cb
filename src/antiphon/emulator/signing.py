"""Signatures of thinking: made for what the emulator says, verified in what clients send back.

A signature tells which text was signed, by which model, and after what: so a block that was edited, moved, or kept
while what stands before it changed, is refused as the API refuses it. Knows no other rule about thinking.
"""

import base64
import binascii
import hashlib
import hmac
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from antiphon.emulator.models import Model, find_model
from antiphon.emulator.refusal import Refusal
from antiphon.protocol.messages import Json
from antiphon.protocol.prefix import Piece, canonical, digest

BINDING_BETA = "thinking-binding-controls-2026-08-01"

_SIZE = 12
_NOTHING = bytes(_SIZE)
_FORMAT = struct.Struct(f">4s{_SIZE}s{_SIZE}s{_SIZE}s{_SIZE}s{_SIZE}s{_SIZE}s")
_MAGIC = b"\x12\xb0\x01\n"
_MAC_SIZE = 16


@dataclass(slots=True)
class Prefix:
    """What stands before a thinking block, as hashes that grow block by block."""

    tools: bytes = _NOTHING
    system: bytes = _NOTHING
    messages: bytes = _NOTHING
    last_thinking: bytes = _NOTHING

    @classmethod
    def of(cls, read: Iterable[Piece]) -> "Prefix":
        """Return the prefix of whatever is said in reply to a request with these blocks."""
        prefix = cls()
        for piece in read:
            prefix.take(piece)
        return prefix

    def take(self, piece: Piece) -> None:
        """Add one more block."""
        if piece.part == "tools":
            self.tools = digest(self.tools, piece.data, size=_SIZE)
        elif piece.part == "system":
            self.system = digest(self.system, piece.data, size=_SIZE)
        else:
            self.messages = digest(self.messages, piece.role.encode(), piece.data, size=_SIZE)
            if piece.thinks:
                self.last_thinking = digest(piece.data, size=_SIZE)

    def say(self, block: Json) -> None:
        """Add a block of the reply itself."""
        self.take(Piece("messages", "assistant", block, canonical(block)))


@dataclass(frozen=True, slots=True)
class _Signed:
    """What a signature says."""

    text: bytes
    model: bytes
    prefix: Prefix


@dataclass(frozen=True, slots=True)
class Verified:
    """What the check of a request's thinking found.

    Attributes:
        transformations: the `input_transformations` that the reply reports.
        dropped: message and block indices of the thinking that the model does not read.
        prefix: what a reply to the request stands behind.
    """

    prefix: Prefix
    transformations: list[Json] = field(default_factory=list[Json])
    dropped: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])


class Signer:
    """Signs and verifies with a key made from a seed: emulators of one seed accept each other's signatures."""

    def __init__(self, seed: int = 0) -> None:
        self._key = hashlib.blake2b(f"antiphon emulator {seed}".encode()).digest()

    def sign(self, text: str, model: str, prefix: Prefix) -> str:
        """Return the signature of a thinking text that stands behind `prefix`.

        Signed without text it is what redacted thinking has as its `data`.
        """
        payload = _FORMAT.pack(
            _MAGIC,
            _text_mark(text),
            _model_mark(find_model(model)),
            prefix.tools,
            prefix.system,
            prefix.messages,
            prefix.last_thinking,
        )
        return base64.b64encode(payload + self._mac(payload)).decode()

    def verify(self, request: Json, read: Sequence[Piece], betas: Sequence[str]) -> Verified:
        """Check all thinking of a request, of which `read` are the blocks.

        Raises:
            Refusal: 400 in the API's words, for the first block that is not as the emulator signed it.
        """
        model = find_model(str(request.get("model")))
        drops = _drops(request, betas)
        ignored = _before_fallbacks(read)
        prefix = Prefix()
        verified = Verified(prefix)
        for piece in read:
            if piece.thinks and piece.path is not None and piece.path not in ignored:
                signed = self._open(piece)
                reason = _mismatch(signed, model, prefix)
                if reason == "prefix_binding_mismatch" and model.binding == "enforced" and not drops:
                    raise Refusal(400, _bound_text(piece, signed, prefix, betas))
                if reason is not None:
                    _note(verified, piece, model, reason)
            prefix.take(piece)
        return verified

    def _open(self, piece: Piece) -> _Signed:
        """Return what a block's signature says.

        Raises:
            Refusal: there is none, it is not ours, or it was made for another text.
        """
        block = piece.value
        name = "signature" if block["type"] == "thinking" else "data"
        text = block.get("thinking", "") if name == "signature" else ""
        place = f"{_place(piece)}.{block['type']}"
        if name not in block:
            raise Refusal(400, f"{place}.{name}: Field required")
        if not isinstance(block[name], str):
            raise Refusal(400, f"{place}.{name}.str: Input should be a valid string")
        if not isinstance(text, str):
            raise Refusal(400, f"{place}.thinking: Input should be a valid string")
        if not text and not block[name]:
            raise Refusal(400, f"{_place(piece)}: each thinking block must contain thinking")
        signed = self._read(block[name])
        if signed is None or signed.text != _text_mark(text):
            raise Refusal(400, f"{_place(piece)}: Invalid `{name}` in `{block['type']}` block")
        return signed

    def _read(self, signature: str) -> _Signed | None:
        try:
            data = base64.b64decode(signature, validate=True)
        except (binascii.Error, ValueError):
            return None
        payload, mac = data[:-_MAC_SIZE], data[-_MAC_SIZE:]
        if len(payload) != _FORMAT.size or not hmac.compare_digest(mac, self._mac(payload)):
            return None
        _, text, model, *prefix = _FORMAT.unpack(payload)
        return _Signed(text, model, Prefix(*prefix))

    def _mac(self, payload: bytes) -> bytes:
        return hashlib.blake2b(payload, key=self._key, digest_size=_MAC_SIZE).digest()


def _text_mark(text: str) -> bytes:
    return digest(text.encode(errors="surrogatepass"), size=_SIZE)


def _model_mark(model: Model) -> bytes:
    return digest(model.id.encode(), size=_SIZE)


def _mismatch(signed: _Signed, model: Model, prefix: Prefix) -> str | None:
    if model.binding == "none":
        return None
    if signed.model != _model_mark(model):
        return "model_binding_mismatch"
    return None if signed.prefix == prefix else "prefix_binding_mismatch"


def _note(verified: Verified, piece: Piece, model: Model, reason: str) -> None:
    dropped = model.binding == "enforced" or reason == "model_binding_mismatch"
    kind = "thinking_dropped" if dropped else "thinking_mismatch_allowed"
    verified.transformations.append({"type": kind, "path": _place(piece), "reason": reason})
    if dropped and piece.path is not None:
        verified.dropped.add(piece.path)


def _bound_text(piece: Piece, signed: _Signed, prefix: Prefix, betas: Sequence[str]) -> str:
    sentences = [
        f"{_place(piece)}: Invalid `signature` in `{piece.value['type']}` block.",
        "The block is bound to a different conversation.",
        'Remove the block, or set `thinking.block_binding.prefix_mismatch_behavior` to "drop_block".',
    ]
    if BINDING_BETA not in betas:
        sentences.append(f"That setting requires the `{BINDING_BETA}` value in the `anthropic-beta` header.")
    was = signed.prefix
    if was.system != prefix.system:
        sentences.append("The `system` prompt differs from the one this block was created with.")
    elif was.tools != prefix.tools:
        sentences.append("The `tools` differ from the ones this block was created with.")
    elif was.last_thinking != prefix.last_thinking:
        sentences.append(
            "The `thinking` block that preceded this one when it was created is missing from this request."
        )
    return " ".join(sentences)


def _drops(request: Json, betas: Sequence[str]) -> bool:
    """Whether the request asks that bound thinking be dropped where it does not fit.

    Raises:
        Refusal: it asks so without the beta header, or beside another kind of thinking than `adaptive`.
    """
    thinking: Any = request.get("thinking")
    binding: Any = cast("Json", thinking).get("block_binding") if isinstance(thinking, dict) else None
    if binding is None:
        return False
    kind = cast("Json", thinking).get("type")
    if BINDING_BETA not in betas or kind != "adaptive":
        raise Refusal(400, f"thinking.{kind}.block_binding: Extra inputs are not permitted")
    return isinstance(binding, dict) and cast("Json", binding).get("prefix_mismatch_behavior") == "drop_block"


def _before_fallbacks(read: Sequence[Piece]) -> set[tuple[int, int]]:
    """Return where thinking stands that another model's reply was begun with: before a `fallback` block."""
    places: set[tuple[int, int]] = set()
    turn: list[tuple[int, int]] = []
    role = ""
    for piece in read:
        if piece.path is None:
            continue
        if piece.role != role:
            role, turn = piece.role, []
        turn.append(piece.path)
        if piece.value.get("type") == "fallback":
            places.update(turn)
    return places


def _place(piece: Piece) -> str:
    message, block = piece.path or (0, 0)
    return f"messages.{message}.content.{block}"
