"""A loop on OpenAI's official Python SDK: on Chat Completions, streamed, or on Responses."""

import json
import subprocess
import sys
from typing import Any

import openai  # pyright: ignore[reportMissingImports]  (of the trial, not of the project)

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}
ABOUT: dict[str, Any] = {"name": "run", "description": "Run a command.", "parameters": SCHEMA}


def run(arguments: str) -> str:
    """Run the command in the arguments of a call."""
    command = json.loads(arguments)["command"]
    return subprocess.run(command, shell=True, capture_output=True, text=True, check=False).stdout


def chat(client: Any, model: str, prompt: str) -> None:
    """Talk to the model by way of Chat Completions, until it calls nothing any more."""
    messages: list[Any] = [{"role": "user", "content": prompt}]
    tools: list[Any] = [{"type": "function", "function": ABOUT}]
    while True:
        with client.chat.completions.stream(model=model, messages=messages, tools=tools) as stream:
            message = stream.get_final_completion().choices[0].message
        print(message.content)
        messages.append(message.model_dump(exclude_none=True, include={"role", "content", "tool_calls"}))
        if not message.tool_calls:
            return
        messages += [
            {"role": "tool", "tool_call_id": call.id, "content": run(call.function.arguments)}
            for call in message.tool_calls
        ]


def responses(client: Any, model: str, prompt: str) -> None:
    """Talk to the model by way of Responses, with nothing stored, until it calls nothing any more."""
    items: list[Any] = [{"role": "user", "content": prompt}]
    tools: list[Any] = [{"type": "function", "strict": False, **ABOUT}]
    while True:
        response = client.responses.create(model=model, input=items, tools=tools, store=False)
        print(response.output_text)
        items += [item.model_dump(exclude_none=True) for item in response.output]
        calls = [item for item in response.output if item.type == "function_call"]
        if not calls:
            return
        items += [
            {"type": "function_call_output", "call_id": call.call_id, "output": run(call.arguments)} for call in calls
        ]


if __name__ == "__main__":
    opened: Any = openai.OpenAI()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  (as above)
    {"chat": chat, "responses": responses}[sys.argv[1]](opened, *sys.argv[2:4])
