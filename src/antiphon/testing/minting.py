"""Signatures for requests that were written by hand: the emulator accepts or refuses them as their placeholder says.

A request of a test or of the corpus cannot know the emulator's key. It holds placeholders instead:

- `$sig:ok` verifies for the text of its block, at this place and after what stands before it;
- `$sig:tampered` is genuine but was made for another text;
- `$sig:other-prefix` is genuine but was made after another conversation;
- `$redacted:ok` is the data of redacted thinking that verifies here.
"""

import copy
from collections.abc import Mapping
from dataclasses import replace
from itertools import takewhile
from typing import Any

from antiphon.emulator.signing import Prefix, Signer
from antiphon.protocol.messages import Json
from antiphon.protocol.prefix import canonical, pieces

_PARTS = ("system", "tools", "messages")
_OTHER_SYSTEM = "What this conversation was about when the thinking was made."


def mint(request: Json, context: Mapping[str, Any] | None = None, *, seed: int = 0) -> Json:
    """Return a copy of a request with signatures in place of its placeholders.

    Args:
        request: the body of `POST /v1/messages`; it is not changed.
        context: what the conversation was when the thinking was made, for `$sig:other-prefix`: `original_system`,
            `original_tools` or `original_messages`. Without it another system prompt is assumed.
        seed: that of the emulator that shall verify.
    """
    minted = copy.deepcopy(request)
    signer = Signer(seed)
    model = str(minted.get("model"))
    other = _other(request, context or {})
    prefix = Prefix()
    for piece in pieces(minted):
        block = piece.value
        text = str(block.get("thinking", ""))
        match block.get("signature", block.get("data")):
            case "$sig:ok":
                block["signature"] = signer.sign(text, model, prefix)
            case "$sig:tampered":
                block["signature"] = signer.sign(f"{text} And another thing.", model, prefix)
            case "$sig:other-prefix":
                block["signature"] = signer.sign(text, model, _prefix_before(piece.path, other))
            case "$redacted:ok":
                block["data"] = signer.sign("", model, prefix)
            case _:
                pass
        prefix.take(replace(piece, data=canonical(block)))
    return minted


def _other(request: Json, context: Mapping[str, Any]) -> Json:
    """Return the request that thinking of another conversation was made after."""
    originals = {name: context[f"original_{name}"] for name in _PARTS if f"original_{name}" in context}
    return {**request, **(originals or {"system": _OTHER_SYSTEM})}


def _prefix_before(path: tuple[int, int] | None, request: Json) -> Prefix:
    return Prefix.of(takewhile(lambda piece: piece.path != path, pieces(request)))
