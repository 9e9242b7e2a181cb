"""What the programs themselves write into the user's messages, told from what the user said.

Roo Code and its heirs wrap what the user says, and add the state of the editor to every message; others add reminders
and the circumstances of the session. All that is of the moment, of that program and of its tools.

What is not for sure a program's is taken for the user's. No text takes more than its length in time.
"""

import re

_WRAPPER = re.compile(r"\s*<(task|user_message|feedback|answer)>\n?")
_NOTES = {
    f"<{tag}>": f"</{tag}>"
    for tag in (
        "environment_details",
        "system-reminder",
        "environment_context",
        "user_instructions",
        "permissions instructions",
    )
} | {"# AGENTS.md instructions": "</INSTRUCTIONS>"}
"""How notes of programs about the moment begin, and how they end."""
_RESULT = r"\[\w+(?: for '.*?')?\] Result:"
_BY_PROGRAM = re.compile(
    r"\s*(?:\[TASK RESUMPTION\]|\[Result of tool call |\[ERROR\] You did not use a tool|\[Request interrupted by user|"
    rf"\[Sliding window truncation|{_RESULT}|<command-name>|<local-command-stdout>|"
    r"This session is being continued from a previous conversation)",
    re.DOTALL,
)
_XML_RESULT = re.compile(rf"\s*{_RESULT}", re.DOTALL)
_WORKSPACE = re.compile(r"# Current (?:Workspace|Working) Directory \(([^\n]*)")
_CWD = re.compile(r"<cwd>([^<\n]+)</cwd>")


def is_note(text: str) -> bool:
    """Say whether a text is nothing but what a program says of the moment: it means nothing to another program."""
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        begin = next((begin for begin in _NOTES if text.startswith(begin, at)), None)
        if begin is None:
            return 0 < at == len(text) and not text.isspace()
        end = text.find(_NOTES[begin], at + len(begin))
        if end < 0:
            return False
        at = end + len(_NOTES[begin])


def is_by_program(text: str) -> bool:
    """Say whether a text in the user's message is a program's, and no place where the user said something."""
    return _BY_PROGRAM.match(text) is not None


def unwrapped(text: str) -> str:
    """Return what the user said without what a program wrapped around it; any other text as it is."""
    found = _WRAPPER.match(text)
    if found is None:
        return text
    inner, end, rest = text[found.end() :].partition(f"</{found[1]}>")
    return inner.removesuffix("\n") if end and inner.strip() and not rest.strip() else text


def is_result_in_words(text: str) -> bool:
    """Say whether a text is a result from the time when calls were written as XML in the text of replies."""
    return _XML_RESULT.match(text) is not None


def workspace_in(text: str) -> str:
    """Return the directory that a program names in its notes, or an empty text."""
    line = _WORKSPACE.search(text)
    if line is not None:
        return line[1].rpartition(")")[0].strip()
    found = _CWD.search(text)
    return found[1].strip() if found else ""
