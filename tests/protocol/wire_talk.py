"""Short words for conversations on the wire, so that tests read like the conversation they are about."""

from typing import Any

from antiphon.protocol.messages import Json

MODEL = "claude-sonnet-4-5"
NEWER_MODEL = "claude-opus-5"


def request(*messages: Json, **params: Any) -> Json:
    return {"model": MODEL, "max_tokens": 4096, **params, "messages": list(messages)}


def user(*content: Json | str) -> Json:
    return {"role": "user", "content": _content(content)}


def assistant(*content: Json | str) -> Json:
    return {"role": "assistant", "content": _content(content)}


def system(*content: Json | str) -> Json:
    return {"role": "system", "content": _content(content)}


def _content(content: tuple[Json | str, ...]) -> Any:
    if len(content) == 1 and isinstance(content[0], str):
        return content[0]
    return [text(block) if isinstance(block, str) else block for block in content]


def text(said: str, **fields: Any) -> Json:
    return {"type": "text", "text": said, **fields}


def thinking(thought: str = "hm", **fields: Any) -> Json:
    return {"type": "thinking", "thinking": thought, "signature": "sig", **fields}


def call(call_id: Any, name: str = "read_file", **arguments: Any) -> Json:
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def result(call_id: Any, content: Any = None, **fields: Any) -> Json:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content or f"result of {call_id}", **fields}


def lost(call_id: Any) -> Json:
    """The result that stands where none was recorded."""
    said = "No result of this tool call was recorded. The call may or may not have been carried out."
    return {"type": "tool_result", "tool_use_id": call_id, "content": said, "is_error": True}


def search(call_id: str) -> Json:
    return {"type": "server_tool_use", "id": call_id, "name": "web_search", "input": {"query": "q"}}


def found(call_id: str) -> Json:
    return {"type": "web_search_tool_result", "tool_use_id": call_id, "content": []}


def image(data: str = "iVBORw0KGgo=", media_type: str = "image/png") -> Json:
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}
