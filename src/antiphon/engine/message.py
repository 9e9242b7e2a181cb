"""The one writer of the user message that answers an assistant message.

Results come first, contiguous and in request order; whatever else there is to say stands behind them, never between.
"""

from collections.abc import Iterable

from antiphon.engine.events import Result, ToolCall
from antiphon.protocol.messages import Json

NO_OUTPUT = "(no output)"
FAILED_SILENTLY = "The call failed without a message."
IMAGE_LEFT_OUT = "(an image was left out: a failed call can answer with text only)"


def user_message(results: Iterable[tuple[ToolCall, Result]], notes: Iterable[str] = ()) -> Json:
    """Return the user message with these results, in the order given, and notes as text behind them."""
    content = [result_block(call.id, result) for call, result in results]
    content += [{"type": "text", "text": note} for note in notes]
    return {"role": "user", "content": content}


def result_block(call_id: str, result: Result) -> Json:
    """Return one `tool_result`; images stay inside it, and a failure has text, which the API demands."""
    block: Json = {"type": "tool_result", "tool_use_id": call_id}
    if result.is_error:
        block["content"] = _text(result) or FAILED_SILENTLY
        block["is_error"] = True
    elif isinstance(result.content, str):
        block["content"] = result.content or NO_OUTPUT
    else:
        kept = [part for part in result.content if part.get("type") != "text" or part.get("text")]
        block["content"] = kept or NO_OUTPUT
    return block


def _text(result: Result) -> str:
    if isinstance(result.content, str):
        return result.content
    texts = [str(part.get("text", "")) if part.get("type") == "text" else IMAGE_LEFT_OUT for part in result.content]
    return "\n".join(text for text in texts if text)
