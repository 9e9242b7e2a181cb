"""The command line's words: which flags there are, under the names that comparable agents use.

Imports nothing but argparse, so that `--help` stays instant.
"""

import argparse
from collections.abc import Mapping

DESCRIPTION = "A coding agent whose tool calls run side by side and whose conversation is always valid."
COMMANDS: Mapping[str, str] = {
    "check": "find and repair what a model API would refuse in requests and stored sessions",
    "demo": "see parallel calls come back in order, on this machine, without a key",
    "emulator": "run a strict fake of the Messages API, to test agents against",
    "import": "take over conversations of Roo Code and its heirs, Cline, Claude Code and others",
    "key": "keep API keys in the system's keyring, each for its host",
    "models": "list models: what they cost and hold, and where the figures come from",
    "permissions": "explain what may run and why, list rules, trust the settings of a project",
    "proxy": "stand between another client and an API, and repair what would be refused",
    "rewind": "go back to before a prompt: files, conversation, or both",
    "rule": "explain a rule of the API, or list all of them",
    "sessions": "list, search, show, export, rename and delete sessions",
    "trace": "show what a session did when: every call, what it waited for, tokens and cost",
}
EPILOG = """\
commands:
  {commands}

Without a prompt and on a terminal a session starts. With --print, or when the output is not a terminal, one
prompt is answered; what stands on standard input is added to it ('-' as the prompt: it is the prompt).
The key is read from ANTHROPIC_API_KEY. Nothing to try it with? antiphon demo needs no key.
"""


def module_of(command: str) -> str:
    """Return the name of the module that has `add_arguments(parser)` and `run(arguments) -> int` for a command."""
    # What Python has a meaning of its own for cannot be the name of a module.
    return f"antiphon.cli.{'importing' if command == 'import' else command}"


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `antiphon` without a command."""
    width = max(len(name) for name in COMMANDS)
    commands = "\n  ".join(f"{name:<{width}}  {text}" for name, text in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="antiphon",
        description=DESCRIPTION,
        epilog=EPILOG.format(commands=commands),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        usage="antiphon [options] [PROMPT]\n       antiphon COMMAND [options]",
    )
    parser.add_argument("prompt", nargs="?", metavar="PROMPT", help="what the agent is to do")
    parser.add_argument("-v", "-V", "--version", action="store_true", help="print the version and leave")
    _add_output(parser)
    _add_session(parser)
    _add_model(parser)
    _add_permissions(parser)
    return parser


def _add_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("one prompt, and what is printed")
    # `-p TEXT`, `TEXT -p` and `--prompt TEXT` are all in use elsewhere.
    group.add_argument(
        "-p",
        "--print",
        nargs="?",
        const="",
        dest="print_prompt",
        metavar="PROMPT",
        help="answer one prompt, print the answer and leave",
    )
    group.add_argument("--prompt", dest="prompt_flag", metavar="PROMPT", help="the same as --print PROMPT")
    group.add_argument(
        "-o",
        "--output-format",
        choices=("text", "json", "stream-json"),
        help="text: the answer; json: one object with the answer and the figures of the run; "
        "stream-json: one JSON object per line for everything that happens (default: text)",
    )
    group.add_argument("--json", action="store_true", help="the same as --output-format stream-json")
    group.add_argument(
        "--include-partial-messages",
        action="store_true",
        help="with stream-json: also what the model is writing, as stream_event lines",
    )
    group.add_argument(
        "--verbose",
        action="store_true",
        help="show progress where it would not be shown, the model's thinking, and where an error comes from",
    )


def _add_session(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the session")
    group.add_argument(
        "-c",
        "--continue",
        action="store_true",
        dest="goes_on",
        help="go on with the latest session of this directory; without a prompt, where it was interrupted",
    )
    group.add_argument(
        "-r",
        "--resume",
        nargs="?",
        const="",
        metavar="ID",
        help="go on with this session (the beginning of its id, or its name); without ID you choose",
    )
    group.add_argument(
        "--fork", "--fork-session", action="store_true", help="with --continue or --resume: go on in a copy"
    )
    group.add_argument("--session-id", metavar="UUID", help="the id that the new session is to have")
    group.add_argument(
        "--no-session",
        "--no-session-persistence",
        action="store_true",
        help="keep nothing of this session on disk",
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the model and the run")
    group.add_argument("-m", "--model", metavar="MODEL", help="which model answers (also ANTHROPIC_MODEL)")
    group.add_argument("--max-turns", type=int, metavar="N", help="stop after N requests (exit code 53)")
    group.add_argument("--max-budget-usd", type=float, metavar="X", help="stop when the run has cost X dollars")
    group.add_argument("--max-tool-calls", type=int, metavar="N", help="stop after N tool calls")
    group.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="stop the run after so many seconds (exit code 124)"
    )
    group.add_argument(
        "--max-parallel-tools", type=int, metavar="N", help="most tool calls that run at once; 1 runs them in a row"
    )
    group.add_argument("--system-prompt", metavar="TEXT", help="use this system prompt instead of the agent's own")
    group.add_argument("--append-system-prompt", metavar="TEXT", help="add this to the system prompt")


def _add_permissions(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("directories and permissions")
    group.add_argument("-C", "--cd", metavar="DIR", help="work in this directory")
    group.add_argument(
        "--add-dir",
        action="append",
        dest="add_dirs",
        metavar="DIR",
        help="let the file tools use this directory too (may be repeated)",
    )
    rules = "rules such as read_file or run_command(git diff:*), separated by commas or spaces (may be repeated)"
    for flags, text in (
        (("--allowed-tools", "--allowedTools"), "run these without asking"),
        (("--ask-tools",), "ask before these, whatever the mode"),
        (("--disallowed-tools", "--disallowedTools"), "never run these"),
    ):
        group.add_argument(*flags, action="append", metavar="RULES", help=f"{text}: {rules}")
    group.add_argument(
        "--permission-mode",
        metavar="MODE",
        help="what happens to calls that no rule names. default: those that change something are asked (without a "
        "terminal: denied); accept-edits: changes of files in the workspace run; plan: only calls that read run; "
        "auto: changes of files and commands in the sandbox run; dont-ask: what would be asked is denied; "
        "bypass: everything runs",
    )
    group.add_argument(
        "-y",
        "--yolo",
        "--dangerously-skip-permissions",
        action="store_true",
        help="the same as --permission-mode bypass",
    )
    group.add_argument(
        "--permission-prompt-tool",
        metavar="PROGRAM",
        help="without a terminal: ask this program, JSON on its standard input, instead of denying",
    )
    group.add_argument(
        "--sandbox",
        choices=("auto", "on", "off"),
        help="run commands in a sandbox: where there is one (auto), or not at all without one (on) (default: auto)",
    )
    group.add_argument(
        "--trust", action="store_true", help="trust the settings that this project brings along, as they are now"
    )
