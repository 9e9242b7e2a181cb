"""What would become of a call, and why, as text and as JSON."""

import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from antiphon.cli.safe_text import one_line
from antiphon.engine.events import ToolCall
from antiphon.errors import SettingsError
from antiphon.policy import Decision, PermissionMode, Permissions, Rule
from antiphon.policy.subjects import CommandSubject, Subject
from antiphon.protocol.messages import Json
from antiphon.shell.script import SimpleCommand
from antiphon.tools.base import BaseTool, InvalidArguments, Tool

_NOT_DECISIVE: Json = {"old_string": "a", "new_string": "b", "content": "", "pattern": "a"}
"""Arguments that a tool needs and that decide nothing."""


@dataclass(frozen=True, slots=True)
class Explained:
    """What would become of a call.

    Attributes:
        call: the call.
        subject: what it is about.
        mode: what holds for calls that no rule names.
        decision: what is said of it.
        suggestions: rules that together would allow it.
        without_sandbox: of a command that would run without a sandbox, why; nothing for other calls.
    """

    call: ToolCall
    subject: Subject | None
    mode: PermissionMode
    decision: Decision
    suggestions: tuple[Rule, ...]
    without_sandbox: str

    @property
    def sandbox(self) -> str | None:
        """The name of the sandbox it would run in, empty for none; None for what is no command."""
        return self.subject.sandbox if isinstance(self.subject, CommandSubject) else None

    def as_json(self) -> Json:
        """Return all of it as JSON."""
        return {
            "tool": self.call.name,
            "input": self.call.input,
            "mode": self.mode,
            **_decision_as_json(self.decision),
            "sandbox": self.sandbox,
            "suggestions": [str(rule) for rule in self.suggestions],
        }


def call_of(tool: str, args: Sequence[str], tools: Sequence[Tool]) -> ToolCall:
    """Return a call as it is written on a command line.

    Args:
        tool: the tool's name.
        args: JSON; or `name=value` for each argument; or the one thing that matters: command, path or address.
        tools: the tools there are.

    Raises:
        SettingsError: there is no such tool, or it cannot be called like that.
    """
    found = next((one for one in tools if one.name == tool), None)
    if found is None:
        raise SettingsError(f"no tool is named {tool}; there are {', '.join(one.name for one in tools)}.")
    return ToolCall("explained", tool, _input_of(found, args))


def _input_of(tool: Tool, args: Sequence[str]) -> Json:
    properties: Json = tool.input_schema.get("properties", {})
    required: Sequence[str] = tool.input_schema.get("required", ())
    if len(args) == 1 and args[0].lstrip().startswith("{"):
        return _json_object(args[0])
    named = [arg.partition("=") for arg in args]
    if all(equals and name in properties for name, equals, _ in named):
        given = {name: _value(value, properties[name]) for name, _, value in named}
    else:
        main = "path" if "path" in properties else next(iter(required), "")
        if not main or (len(args) > 1 and main != "command"):
            raise SettingsError(
                f"write the arguments of {tool.name} as JSON or as name=value, of {', '.join(properties)}."
            )
        given = {main: args[0] if len(args) == 1 else shlex.join(args)}
    return {**{name: _NOT_DECISIVE[name] for name in required if name in _NOT_DECISIVE}, **given}


def _json_object(text: str) -> Json:
    try:
        return dict(json.loads(text))
    except ValueError as problem:
        raise SettingsError(f"{text} is no JSON: {problem}.") from problem


def _value(text: str, schema: Json) -> Any:
    if schema.get("type") == "string":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def explained(
    call: ToolCall, tools: Sequence[Tool], permissions: Permissions, *, without_sandbox: str = ""
) -> Explained:
    """Find out what would become of a call. Nothing of it runs.

    Args:
        call: the call.
        tools: the tools there are.
        permissions: what decides.
        without_sandbox: why commands run without a sandbox, if they do.

    Raises:
        SettingsError: the tool cannot be called like that.
    """
    tool = next(one for one in tools if one.name == call.name)
    try:
        arguments = tool.parse(call.input)
        access = tool.access(arguments)
    except InvalidArguments as problem:
        raise SettingsError(str(problem)) from problem
    subject = cast("BaseTool[Any]", tool).subject(arguments) if isinstance(tool, BaseTool) else None
    decision = permissions.decide(call, access, subject)
    suggestions = permissions.suggestions(call, subject) if decision.verdict != "allow" else ()
    outside = isinstance(subject, CommandSubject) and not subject.sandbox
    told = (without_sandbox or "It is to run outside of the sandbox.") if outside else ""
    return Explained(call, subject, permissions.mode, decision, suggestions, told)


def in_text(what: Explained) -> str:
    """Return an explanation to be read by a person."""
    return "\n".join(_lines(what))


def _lines(what: Explained) -> Iterator[str]:
    decision = what.decision
    yield f"{decision.verdict}: {one_line(decision.reason)}."
    if len(decision.parts) > 1:
        yield "Its parts:"
        width = min(40, max(len(one_line(_part_shown(part))) for part in decision.parts))
        for part in decision.parts:
            yield f"  {part.verdict:<5}  {one_line(_part_shown(part)):<{width}}  {one_line(part.reason)}"
    if decision.rule is not None:
        source = decision.rule.source
        yield f"The rule: {one_line(f'{decision.rule}, {source.where or source}')}"
    yield f"The mode: {what.mode}"
    if what.sandbox:
        yield f"It would run in the sandbox: {what.sandbox}"
    elif what.sandbox is not None:
        yield one_line(what.without_sandbox)
    if what.suggestions:
        yield f"It would be allowed by: {one_line(', '.join(map(str, what.suggestions)))}"


def _part_shown(decision: Decision) -> str:
    match decision.part:
        case SimpleCommand():
            return decision.part.raw
        case Path():
            here = Path.cwd()
            return f"> {decision.part.relative_to(here) if decision.part.is_relative_to(here) else decision.part}"
        case None:
            return "-"


def _decision_as_json(decision: Decision) -> Json:
    return {
        "verdict": decision.verdict,
        "reason": decision.reason,
        "rule": None if decision.rule is None else rule_as_json(decision.rule),
        "parts": [{"part": _part_shown(part), **_decision_as_json(part)} for part in decision.parts],
    }


def rule_as_json(rule: Rule) -> Json:
    """Return a rule and where it was written."""
    return {
        "verdict": rule.verdict,
        "rule": str(rule),
        "source": rule.source.kind,
        "where": rule.source.where,
    }
