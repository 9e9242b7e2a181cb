"""What a Python tool gave back, or raised, as a result the model can read."""

import json
from collections.abc import Iterable, Sequence
from typing import cast

import msgspec

from antiphon.engine.events import Result, failure
from antiphon.protocol.messages import Json
from antiphon.tools.images import Image, UnusableImage, image_block, media_type_of


def returned(value: object) -> Result:
    """Return the result of a tool that came back with this value.

    Text is taken as it is, None says nothing, an image (or bytes that are one) becomes an image block, a list with
    images in it becomes text and image blocks in its order. Everything else is told as JSON. Never raises.
    """
    if isinstance(value, str):
        return Result(value)
    if isinstance(value, Result):
        return value
    try:
        return _result(value)
    except UnusableImage as error:
        return failure(f"The tool returned an image that cannot be shown: {error}.")
    except Exception as error:  # noqa: BLE001  (a value may do anything when it is read)
        return failure(f"The tool returned a value that cannot be shown ({told(error)}).")


def _result(value: object) -> Result:
    if value is None:
        return Result("")
    if isinstance(value, Image):
        return Result((value.block(),))
    if isinstance(value, bytes):
        return _bytes(value)
    if isinstance(value, (list, tuple)):
        parts = cast("Sequence[object]", value)
        if any(isinstance(part, Image) for part in parts):
            return Result(tuple(_blocks(parts)))
    return Result(as_json(cast("object", value)))


def _bytes(data: bytes) -> Result:
    if media_type_of(data[:16]) is not None:
        return Result((image_block(data),))
    try:
        return Result(data.decode())
    except UnicodeDecodeError:
        return failure(f"The tool returned {len(data):,} bytes that are neither text nor an image.")


def _blocks(parts: Iterable[object]) -> Iterable[Json]:
    for part in parts:
        if isinstance(part, Image):
            yield part.block()
        elif part is not None:
            yield {"type": "text", "text": part if isinstance(part, str) else as_json(part)}


def as_json(value: object) -> str:
    """Return a value as JSON text; what JSON has no form for is told as `str` tells it."""
    try:
        return msgspec.json.encode(value, enc_hook=_plain).decode()
    except UnicodeEncodeError:  # a lone surrogate somewhere: escaped, it is text again
        return json.dumps(msgspec.to_builtins(value, enc_hook=_plain))


def _plain(value: object) -> object:
    dump = getattr(value, "model_dump", None)
    return dump() if callable(dump) else str(value)


def told(error: BaseException) -> str:
    """Return an exception in one line: its type and text. Of a group, what it holds. No traceback."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(told(part) for part in cast("BaseExceptionGroup[BaseException]", error).exceptions)
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  (a faulty __str__ must not hide the error)
        text = ""
    name = type(error).__name__
    return f"{name}: {text}" if text else name
