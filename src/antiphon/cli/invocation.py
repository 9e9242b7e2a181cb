"""Works out what the command line asks for: a session or one prompt, in which format, with which settings. Pure."""

import argparse
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from antiphon.policy.modes import MODES, mode_of
from antiphon.settings import split_names

Format = Literal["text", "json", "stream-json"]


@dataclass(frozen=True, slots=True)
class Which:
    """Which session is meant.

    Attributes:
        kind: a new one, the latest of the workspace, one that is named, or one that a person chooses.
        text: id or name of the named one.
        fork: go on in a copy of it.
        id: the id that a new one is to have.
        recorded: a new one is kept on disk.
    """

    kind: Literal["new", "latest", "named", "choose"] = "new"
    text: str = ""
    fork: bool = False
    id: str = ""
    recorded: bool = True


@dataclass(frozen=True, slots=True)
class Invocation:
    """What the command line asks for, beside the settings.

    Attributes:
        prompt: the prompt, `-` for standard input, or empty.
        headless: one prompt is answered; else a session begins.
        format: how the answer is printed.
        partial: what the model is writing is printed too.
        verbose: progress, thinking and the origin of errors are shown.
        which: the session.
        trust: the settings that the project brings along are trusted.
    """

    prompt: str
    headless: bool
    format: Format = "text"
    partial: bool = False
    verbose: bool = False
    which: Which = Which()
    trust: bool = False


def invocation_of(parser: argparse.ArgumentParser, parsed: argparse.Namespace, *, terminal: bool) -> Invocation:
    """Work out what is wanted; wrong combinations end in the parser's error."""
    prompts = [text for text in (parsed.prompt, parsed.print_prompt, parsed.prompt_flag) if text]
    if len(prompts) > 1:
        parser.error(f"there is more than one prompt ({', '.join(map(repr, prompts))}); put quotes around it")
    if parsed.json and parsed.output_format not in {None, "stream-json"}:
        parser.error(f"--json is stream-json, which contradicts --output-format {parsed.output_format}")
    chosen: Format = "stream-json" if parsed.json else parsed.output_format or "text"
    if parsed.include_partial_messages and chosen != "stream-json":
        parser.error("--include-partial-messages needs --output-format stream-json")
    asked_for_one = parsed.print_prompt is not None or parsed.prompt_flag is not None or chosen != "text"
    return Invocation(
        prompt=prompts[0] if prompts else "",
        headless=asked_for_one or not terminal or prompts == ["-"],
        format=chosen,
        partial=parsed.include_partial_messages,
        verbose=parsed.verbose,
        which=_which(parser, parsed),
        trust=parsed.trust,
    )


def _which(parser: argparse.ArgumentParser, parsed: argparse.Namespace) -> Which:
    goes_on = parsed.goes_on or parsed.resume is not None
    if parsed.goes_on and parsed.resume is not None:
        parser.error("--continue and --resume contradict each other; --continue is the latest session")
    if parsed.fork and not goes_on:
        parser.error("--fork needs --continue or --resume: it goes on in a copy of that session")
    if goes_on and (parsed.session_id or parsed.no_session):
        parser.error("--session-id and --no-session are for new sessions")
    if parsed.session_id and parsed.no_session:
        parser.error("--session-id and --no-session contradict each other")
    if parsed.session_id:
        try:
            uuid.UUID(parsed.session_id)
        except ValueError:
            parser.error(f"--session-id {parsed.session_id} is no UUID, such as {uuid.uuid4()}")
    kind: Literal["new", "latest", "named", "choose"] = "latest" if parsed.goes_on else "new"
    if parsed.resume is not None:
        kind = "named" if parsed.resume else "choose"
    return Which(kind, parsed.resume or "", parsed.fork, (parsed.session_id or "").lower(), not parsed.no_session)


def setting_flags(parser: argparse.ArgumentParser, parsed: argparse.Namespace) -> Mapping[str, Any]:
    """Return the settings that were given as flags."""
    mode = None if parsed.permission_mode is None else mode_of(parsed.permission_mode)
    if mode is None and parsed.permission_mode is not None:
        parser.error(f"--permission-mode {parsed.permission_mode}: there is no such mode; there are {', '.join(MODES)}")
    if parsed.yolo and mode not in {None, "bypass"}:
        parser.error(f"--yolo contradicts --permission-mode {parsed.permission_mode}")
    return {
        "model": parsed.model,
        "max_turns": parsed.max_turns,
        "max_parallel_tools": parsed.max_parallel_tools,
        "timeout": parsed.timeout,
        "permission_mode": "bypass" if parsed.yolo else mode,
        "allowed_tools": _names(parsed.allowed_tools),
        "ask_tools": _names(parsed.ask_tools),
        "disallowed_tools": _names(parsed.disallowed_tools),
        "permission_prompt_tool": parsed.permission_prompt_tool,
        "sandbox": parsed.sandbox,
        "max_budget_usd": parsed.max_budget_usd,
        "max_tool_calls": parsed.max_tool_calls,
        "add_dirs": parsed.add_dirs,
        "system_prompt": parsed.system_prompt,
        "append_system_prompt": parsed.append_system_prompt,
    }


def _names(given: list[str] | None) -> list[str] | None:
    return None if given is None else [name for text in given for name in split_names(text)]
