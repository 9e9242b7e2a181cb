"""Takes out of a request what people, models and tools said, and leaves what rules look at.

What is kept is on lists: the words of the wire formats where they stand in them, ids, names, numbers and keys. All
other strings get a stand-in, wherever they stand: who invents a field tomorrow does not publish what is in it.

Knows where in requests of the Messages API, Chat Completions, Responses, Converse and generateContent what stands. Does
not know what is right or wrong.
"""

import json
import re
from typing import Any

from antiphon.protocol.foreign import FOREIGN_TYPES, KNOWN_TYPES
from antiphon.protocol.messages import Json, is_array, is_object
from antiphon.proxy.standing_in import StandIns

_NAMES = frozenset(
    {
        "call_id",
        "callId",
        "id",
        "item_id",
        "model",
        "modelId",
        "name",
        "previous_response_id",
        "server_name",
        "tool_call_id",
        "tool_name",
        "tool_use_id",
        "toolset_name",
        "toolUseId",
    }
)
"""Fields that hold an id or a name."""

_WORDS = frozenset(
    {
        "anthropic_version",
        "behavior",
        "detail",
        "display",
        "effort",
        "encoding",
        "format",
        "media_type",
        "mime_type",
        "mimeType",
        "mode",
        "object",
        "phase",
        "prefix_mismatch_behavior",
        "reasoning_effort",
        "role",
        "scope",
        "service_tier",
        "speed",
        "status",
        "stop_reason",
        "syntax",
        "tool_choice",
        "truncation",
        "ttl",
        "type",
        "verbosity",
    }
)
"""Fields that hold a word of the wire format, or a list of them."""
_LISTS_OF_WORDS = frozenset({"allowed_callers", "allowedFunctionNames", "anthropic_beta", "include", "modalities"})

_WIRE = frozenset(
    {
        "block_binding",
        "cache_control",
        "cachePoint",
        "citations",
        "clear_at_least",
        "container",
        "content",
        "contents",
        "context_management",
        "custom",
        "document",
        "edits",
        "file",
        "fileData",
        "function",
        "function_call",
        "functionCall",
        "functionCallingConfig",
        "functionDeclarations",
        "functionResponse",
        "format",
        "generationConfig",
        "image",
        "image_url",
        "inferenceConfig",
        "inlineData",
        "input_audio",
        "json_schema",
        "keep",
        "mcp_servers",
        "messages",
        "output",
        "output_config",
        "parts",
        "reasoning",
        "reasoningContent",
        "reasoningText",
        "response_format",
        "skills",
        "source",
        "stream_options",
        "summary",
        "system",
        "systemInstruction",
        "system_instruction",
        "text",
        "thinking",
        "thinkingConfig",
        "tool",
        "tool_calls",
        "tool_choice",
        "tool_configuration",
        "tool_references",
        "toolChoice",
        "toolConfig",
        "toolResult",
        "tools",
        "toolSpec",
        "toolUse",
        "trigger",
    }
)
"""Fields that hold more of the wire format. In what others hold nothing but keys, numbers and truth values is kept."""

_SCHEMAS = frozenset({"input_schema", "inputSchema", "parameters", "parametersJsonSchema", "schema"})
_SCHEMAS_BY_NAME = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})
_SCHEMA_WORDS = frozenset({"type", "format"})
_SAID_IN_SCHEMAS = frozenset({"const", "default", "enum", "example", "examples"})

_RESULTS = frozenset({"tool_result", "function_call_output", "custom_tool_call_output", "mcp_tool_result"})
_PARTS = frozenset(
    {*KNOWN_TYPES, *FOREIGN_TYPES, "tool_reference", "web_search_result", "output_text", "input_text", "input_image"}
)
"""The types of what may stand in a result and is no invention of the tool."""
_PARTS_BY_KEY = frozenset({"text", "json", "image", "document", "toolUse", "toolResult"})
"""The same, of Converse, where a key says the type."""

_NAME = re.compile(r"[\w.:/@+-]{0,256}", re.ASCII)
_KIND = re.compile(r"[A-Za-z][\w./+-]{0,63}|\d[\w-]{0,15}", re.ASCII)
_KEY = re.compile(r"[A-Za-z_$@][A-Za-z_$@.-]{0,39}\d{0,2}", re.ASCII)
_PROPERTY = re.compile(r"[\w$@.-]{1,64}", re.ASCII)
_INNER = re.compile(r"#[\w/$.-]{0,200}", re.ASCII)
_DRAFT = re.compile(r"https?://json-schema\.org/[\w/.#-]{0,60}", re.ASCII)


class Redaction:
    """Redacts what belongs together: a request, what was sent of it, and the error that came back."""

    def __init__(self, salt: bytes) -> None:
        """Take the salt of the stand-ins (see `antiphon.proxy.standing_in.StandIns`)."""
        self._instead = StandIns(salt)
        self._known: set[str] = set()

    def request(self, request: Any) -> Any:
        """Return a request of any API, redacted. Never changes its argument.

        Raises:
            RecursionError: it is nested too deeply.
        """
        if not is_object(request):
            return self._free(request)
        made = self._object(request)
        if is_array(request.get("input")):
            # Of Responses; elsewhere what is called so are the arguments of a call.
            made["input"] = [self._object(item) if is_object(item) else self._free(item) for item in request["input"]]
        return made

    def error(self, body: bytes) -> Any:
        """Return the body of an error without what it quotes, but for names and ids of the requests redacted before."""
        text = body.decode(errors="replace")
        try:
            return self._of_error(json.loads(text))
        except (ValueError, RecursionError):
            return self._instead.error(text, self._known)

    def _of_error(self, value: Any, key: str = "") -> Any:
        if is_object(value):
            return {self._key(name): self._of_error(item, name) for name, item in value.items()}
        if is_array(value):
            return [self._of_error(item, key) for item in value]
        if not isinstance(value, str):
            return value
        if key in {"type", "code", "error_code", "status", "object"} and _KIND.fullmatch(value):
            return value
        return self._instead.error(value, self._known)

    def _object(self, given: Json) -> Json:
        return {self._key(key): self._field(given, key, value) for key, value in given.items()}

    def _field(self, owner: Json, key: str, value: Any) -> Any:
        if isinstance(value, str):
            return self._string(owner, key, value)
        if key in _SCHEMAS:
            return self._schema(value)
        if key in _LISTS_OF_WORDS or key in _WORDS:
            found = value if is_array(value) else []
            if found and all(isinstance(item, str) for item in found):
                return [self._word(item) for item in found]
        if key in {"content", "output"} and _is_result(owner):
            return self._returned(value)
        return self._within(value) if key in _WIRE else self._free(value)

    def _within(self, value: Any) -> Any:
        if is_object(value):
            return self._object(value)
        if is_array(value):
            return [self._within(item) for item in value]
        return self._free(value)

    def _returned(self, value: Any) -> Any:
        """Redact what a tool returned: blocks are of the wire format, all else is the tool's own."""
        if is_array(value):
            return [self._returned(item) for item in value]
        return self._object(value) if is_object(value) and _is_part(value) else self._free(value)

    def _string(self, owner: Json, key: str, text: str) -> str:
        if key in _NAMES:
            return self._name(text, said=key == "name" and _names_no_tool(owner))
        if key in _WORDS:
            return self._word(text)
        if key in {"arguments", "args"} or (key == "input" and "type" in owner):
            return self._arguments(text)
        if key in {"data", "bytes", "file_data"} and owner.get("type") not in {"text", "redacted_thinking"}:
            return self._instead.data(text)
        if key in {"url", "uri", "fileUri", "image_url"}:
            return self._instead.address(text)
        return self._instead.text(text)

    def _arguments(self, text: str) -> str:
        """Redact arguments that are written as a string of JSON, which stays one, or stays none."""
        if not text.strip():
            return text
        try:
            value: Any = json.loads(text)
        except (ValueError, RecursionError):
            return self._instead.broken_json(text)
        return json.dumps(self._arguments(value) if isinstance(value, str) else self._free(value))

    def _schema(self, value: Any) -> Any:
        if is_array(value):
            return [self._schema(item) for item in value]
        if not is_object(value):
            return self._free(value)
        made: Json = {}
        for key, item in value.items():
            if key in _SAID_IN_SCHEMAS:
                made[key] = self._free(item)
            elif key in _SCHEMAS_BY_NAME and is_object(item):
                made[key] = {self._property(name): self._schema(inner) for name, inner in item.items()}
            elif key == "required" and is_array(item):
                made[key] = [self._property(name) if isinstance(name, str) else self._free(name) for name in item]
            elif key in _SCHEMA_WORDS and is_array(item):
                made[key] = [self._word(word) if isinstance(word, str) else self._free(word) for word in item]
            elif isinstance(item, str):
                kept = (key in _SCHEMA_WORDS and _KIND.fullmatch(item)) or _INNER.fullmatch(item)
                made[self._key(key)] = item if kept or _DRAFT.fullmatch(item) else self._instead.text(item)
            else:
                made[self._key(key)] = self._schema(item)
        return made

    def _free(self, value: Any) -> Any:
        """Redact what is no part of the wire format: all strings in it."""
        if isinstance(value, str):
            return self._instead.text(value)
        if is_array(value):
            return [self._free(item) for item in value]
        return {self._key(key): self._free(item) for key, item in value.items()} if is_object(value) else value

    def _name(self, text: str, *, said: bool = False) -> str:
        if said or not _NAME.fullmatch(text):
            # Which characters it is made of may be what is wrong with it.
            return self._instead.name(text)
        self._known.add(text)
        return text

    def _word(self, text: str) -> str:
        return text if _KIND.fullmatch(text) else self._instead.text(text, "word")

    def _key(self, key: str) -> str:
        return key if _KEY.fullmatch(key) else self._instead.text(key, "key")

    def _property(self, name: str) -> str:
        return name if _PROPERTY.fullmatch(name) else self._instead.text(name, "property")


def _is_result(owner: Json) -> bool:
    kind: Any = owner.get("type")
    return (isinstance(kind, str) and kind in _RESULTS) or owner.get("role") == "tool" or "toolUseId" in owner


def _is_part(value: Json) -> bool:
    kind: Any = value.get("type")
    return (isinstance(kind, str) and kind in _PARTS) or (len(value) == 1 and not _PARTS_BY_KEY.isdisjoint(value))


def _names_no_tool(owner: Json) -> bool:
    """Say whether the name in an object is that of a person, or of a document of Converse."""
    return ("role" in owner and owner.get("role") not in ("tool", "function")) or (
        "format" in owner and "source" in owner
    )
