"""Requests of the Messages API, sound or damaged, said in other wire forms; and what those forms refuse.

Translates block by block and mends nothing: what is no block is passed on as it is. The oracles are written from the
descriptions of the APIs, apart from the rules: they see only how calls and results stand.
"""

import json
from collections.abc import Iterator
from typing import Any

from antiphon.protocol.messages import Json, is_array, is_object

_CALL_ID = {"tool_use": "id", "tool_result": "tool_use_id"}


def _messages(request: Any) -> list[Any]:
    messages: Any = request.get("messages") if is_object(request) else None
    return messages if is_array(messages) else []


def _others(request: Json) -> Json:
    return {key: value for key, value in request.items() if key not in {"messages", "system", "max_tokens"}}


def _blocks(message: Json) -> Any:
    content: Any = message.get("content")
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _more(block: Json, *names: str) -> Json:
    """The fields of a block that have no place of their own in another form."""
    return {key: value for key, value in block.items() if key == "brand_new" and key not in names}


def _without_content(message: Json) -> Json:
    return {key: value for key, value in message.items() if key != "content"}


# Converse


def to_converse(request: Json) -> Json:
    """The same request for Converse, with a tool defined where any is used."""
    messages = [_converse_message(message) for message in _messages(request)]
    config = {"tools": [{"toolSpec": {"name": "read_file", "inputSchema": {"json": {"type": "object"}}}}]}
    return {**_others(request), "messages": messages, "toolConfig": config}


def _converse_message(message: Any) -> Any:
    if not is_object(message) or "content" not in message:
        return message
    blocks: Any = _blocks(message)
    if isinstance(message["content"], str) and not message["content"]:
        blocks = []
    return {**message, "content": [_converse_part(b) for b in blocks] if is_array(blocks) else blocks}


def _converse_part(block: Any) -> Any:
    if not is_object(block):
        return block
    kind: Any = block.get("type")
    if kind == "text":
        return {**({"text": block["text"]} if "text" in block else {}), **_more(block)}
    if kind == "tool_use":
        return {"toolUse": _renamed(block, id="toolUseId", name="name", input="input"), **_more(block)}
    if kind == "tool_result":
        return {"toolResult": _converse_result(block), **_more(block)}
    others = {
        "image": {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}},
        "document": {"document": {"format": "txt", "name": "d", "source": {"bytes": "aGk="}}},
        "thinking": {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}},
    }
    return others.get(kind, block) if isinstance(kind, str) else block


def _converse_result(block: Json) -> Json:
    inner = _renamed(block, tool_use_id="toolUseId")
    content: Any = block.get("content", [])
    if isinstance(content, str):
        content = [{"text": content}] if content else []
    inner["content"] = [_converse_part(part) for part in content] if is_array(content) else content
    if "is_error" in block:
        inner["status"] = "error" if block["is_error"] is True else "success"
    return inner


def _renamed(block: Json, **names: str) -> Json:
    return {new: block[old] for old, new in names.items() if old in block}


def converse_refuses(request: Json) -> list[str]:
    """What Converse says of the pairs of a request, message by message."""
    said: list[str] = []
    calls: list[Any] = []
    end: Json = {"role": "user", "content": []}
    for index, message in enumerate([*request["messages"], end]):
        parts: list[Json] = [part for part in message["content"] if is_object(part)]
        results = [part["toolResult"].get("toolUseId") for part in parts if "toolResult" in part]
        missing = [call for call in calls if call not in results]
        if missing:
            said.append(f"Expected toolResult blocks at messages.{index}.content")
        if any(found not in calls for found in results):
            said.append(f"The number of toolResult blocks at messages.{index}.content exceeds")
        if len(set(map(str, results))) < len(results):
            said.append(f"The toolResult blocks at messages.{index}.content contain duplicate Ids")
        calls = [part["toolUse"].get("toolUseId") for part in parts if "toolUse" in part]
    return said


# Chat Completions


def to_chat(request: Json) -> Json:
    """The same request for Chat Completions."""
    return {**_others(request), "messages": [wire for message in _messages(request) for wire in _chat(message)]}


def _chat(message: Any) -> Iterator[Any]:
    blocks = _blocks(message) if is_object(message) else None
    if not is_object(message) or not is_array(blocks):
        yield message
    elif message.get("role") == "assistant":
        calls = [b for b in blocks if is_object(b) and b.get("type") == "tool_use"]
        others = [b for b in blocks if b not in calls]
        called = {"tool_calls": [_chat_call(call) for call in calls]} if calls else {}
        yield {**_without_content(message), "content": _chat_content(message, others) or None, **called}
    else:
        yield from _chat_user(message, blocks)


def _chat_user(message: Json, blocks: list[Any]) -> Iterator[Any]:
    waiting: list[Any] = []
    for block in [*blocks, None]:
        if is_object(block) and block.get("type") == "tool_result":
            if waiting:
                yield {**_without_content(message), "content": _chat_content(message, waiting)}
            waiting = []
            content: Any = block.get("content", "")
            if is_array(content):
                content = [part for part in content if is_object(part) and part.get("type") == "text"]
            yield {"role": "tool", **_renamed(block, tool_use_id="tool_call_id"), "content": content, **_more(block)}
        elif block is not None:
            waiting.append(block)
    if waiting or not blocks:
        yield {**_without_content(message), "content": _chat_content(message, waiting)}


def _chat_content(message: Json, blocks: list[Any]) -> Any:
    return message["content"] if isinstance(message.get("content"), str) else [_chat_part(block) for block in blocks]


def _chat_part(block: Any) -> Any:
    if is_object(block) and block.get("type") == "image":
        return {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    return block


def _chat_call(block: Json) -> Json:
    arguments: Any = block.get("input")
    function = {**_renamed(block, name="name"), "arguments": json.dumps(arguments)}
    return {**_renamed(block, id="id"), "type": "function", "function": function, **_more(block)}


def chat_refuses(request: Json) -> list[str]:
    """What Chat Completions says of the pairs of a request, message by message."""
    said: list[str] = []
    open_calls: list[Any] = []
    asked: list[Any] = []
    end: Json = {"role": "end"}
    for index, message in enumerate([*request["messages"], end]):
        role = message.get("role")
        if role == "tool":
            if message.get("tool_call_id") not in asked:
                said.append(f"messages[{index}]: tool messages must be a response to a preceding message")
            open_calls = [call for call in open_calls if call != message.get("tool_call_id")]
            continue
        if open_calls:
            said.append(f"messages[{index}]: tool_call_ids did not have response messages: {open_calls}")
        asked = [call.get("id") for call in message.get("tool_calls") or ()] if role == "assistant" else []
        open_calls = list(asked)
    return said


# Responses


def to_responses(request: Json) -> Json:
    """The same request for Responses."""
    return {**_others(request), "input": [item for message in _messages(request) for item in _items(message)]}


def _items(message: Any) -> Iterator[Any]:
    blocks = _blocks(message) if is_object(message) else None
    if not is_object(message) or not is_array(blocks):
        yield message
        return
    waiting: list[Any] = []
    end: Json = {"type": "end"}
    for block in [*blocks, end]:
        kind: Any = block.get("type") if is_object(block) else None
        if kind not in ("tool_use", "tool_result", "thinking", "end"):
            waiting.append(_item_part(message, block))
            continue
        if waiting or not blocks:
            whole = isinstance(message.get("content"), str)
            yield {**_without_content(message), "type": "message", "content": message["content"] if whole else waiting}
        waiting = []
        if kind == "tool_use":
            arguments = json.dumps(block.get("input"))
            fields = {**_renamed(block, id="call_id", name="name"), "arguments": arguments, **_more(block)}
            yield {"type": "function_call", **fields}
        elif kind == "tool_result":
            content: Any = block.get("content", "")
            content = [_item_part(message, part) for part in content] if is_array(content) else content
            output = {**_renamed(block, tool_use_id="call_id"), "output": content, **_more(block)}
            yield {"type": "function_call_output", **output}
        elif kind == "thinking":
            yield {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"}


def _item_part(message: Json, block: Any) -> Any:
    match block.get("type") if is_object(block) else None:
        case "text":
            return {**block, "type": "output_text" if message.get("role") == "assistant" else "input_text"}
        case "image":
            return {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}
        case _:
            return block


def responses_refuse(request: Json) -> list[str]:
    """What Responses says of the pairs of a request."""
    asked: set[str] = set()
    answered: set[str] = set()
    said: list[str] = []
    for item in request["input"]:
        call_id = json.dumps(item.get("call_id"))
        if item.get("type") == "function_call":
            asked.add(call_id)
        elif item.get("type") == "function_call_output":
            answered.add(call_id)
            said += [] if call_id in asked else [f"No tool call found for function call output with call_id {call_id}"]
    return said + [f"No tool output found for function call {call_id}" for call_id in asked - answered]


# generateContent


def to_gemini(request: Json, *, ids: bool = False) -> Json:
    """The same request for generateContent, with ids of calls or without."""
    names: dict[str, Any] = {}
    for message in _messages(request):
        blocks = _blocks(message) if is_object(message) else None
        for block in blocks if is_array(blocks) else ():
            if is_object(block) and block.get("type") == "tool_use":
                names.setdefault(json.dumps(block.get("id")), block.get("name"))
    contents = [_gemini_content(message, names, ids=ids) for message in _messages(request)]
    return {**_others(request), "contents": contents}


def _gemini_content(message: Any, names: dict[str, Any], *, ids: bool) -> Any:
    if not is_object(message):
        return message
    content = _without_content(message)
    if message.get("role") == "assistant":
        content["role"] = "model"
    if "content" in message:
        blocks: Any = _blocks(message)
        if isinstance(message["content"], str) and not message["content"]:
            blocks = []
        content["parts"] = [_gemini_part(b, names, ids=ids) for b in blocks] if is_array(blocks) else blocks
    return content


def _gemini_part(block: Any, names: dict[str, Any], *, ids: bool) -> Any:
    if not is_object(block):
        return block
    kind: Any = block.get("type")
    own = {"id": block.get(_CALL_ID.get(str(kind), ""))} if ids else {}
    if kind == "text":
        return {**({"text": block["text"]} if "text" in block else {}), **_more(block)}
    if kind == "tool_use":
        return {"functionCall": {**own, **_renamed(block, name="name", input="args")}, **_more(block)}
    if kind == "tool_result":
        name = names.get(json.dumps(block.get("tool_use_id")), "read_file")
        response = {"output": block.get("content")}
        return {"functionResponse": {**own, "name": name, "response": response}, **_more(block)}
    others = {
        "image": {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}},
        "thinking": {"text": block.get("thinking"), "thought": True},
    }
    return others.get(kind, block) if isinstance(kind, str) else block


def gemini_refuses(request: Json) -> list[str]:
    """What generateContent says of the pairs of a request: it counts."""
    said: list[str] = []
    calls = 0
    before = "user"
    end: Json = {"role": "user", "parts": []}
    for index, content in enumerate([*request["contents"], end]):
        parts: list[Json] = [part for part in content["parts"] if is_object(part)]
        responses = sum("functionResponse" in part for part in parts)
        if responses != calls:
            said.append(f"contents[{index}]: {responses} responses for {calls} calls")
        calls = sum("functionCall" in part for part in parts)
        if calls and (before == "model" or not index):
            said.append(f"contents[{index}]: a function call turn comes after a user turn")
        before = content.get("role")
    return said
