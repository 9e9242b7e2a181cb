"""What the programs themselves write into the user's messages, told from what the user said.

Roo Code and its heirs wrap what the user says, and add the state of the editor to every message; others add reminders
and the circumstances of the session. All that is of the moment, of that program and of its tools.
"""

import re

_WRAPPED = re.compile(r"\s*<(task|user_message|feedback|answer)>\n?(.*?)\n?</\1>\s*", re.DOTALL)
_NOTES = (
    re.compile(r"\s*(<environment_details>.*?</environment_details>\s*)+", re.DOTALL),
    re.compile(r"\s*(<system-reminder>.*?</system-reminder>\s*)+", re.DOTALL),
    # What comes behind these is the program's to the end of the text.
    re.compile(r"\s*(<environment_context>|<permissions instructions>|<user_instructions>).*", re.DOTALL),
    re.compile(r"\s*# AGENTS\.md instructions .*", re.DOTALL),
)
_BY_PROGRAM = re.compile(
    r"\s*(\[TASK RESUMPTION\]|\[Result of tool call |\[ERROR\] You did not use a tool|\[Request interrupted by user|"
    r"\[Sliding window truncation|\[\w+(?: for '.*?')?\] Result:|<command-name>|<local-command-stdout>|"
    r"This session is being continued from a previous conversation)",
    re.DOTALL,
)
_XML_RESULT = re.compile(r"\s*\[\w+(?: for '.*?')?\] Result:", re.DOTALL)
_WORKSPACE = re.compile(r"# Current (?:Workspace|Working) Directory \((.+?)\)|<cwd>(.+?)</cwd>")


def is_note(text: str) -> bool:
    """Say whether a text is nothing but what a program says of the moment: it means nothing to another program."""
    return any(pattern.fullmatch(text) for pattern in _NOTES)


def is_by_program(text: str) -> bool:
    """Say whether a text in the user's message is a program's, and no place where the user said something."""
    return _BY_PROGRAM.match(text) is not None


def unwrapped(text: str) -> str:
    """Return what the user said without what a program wrapped around it; any other text as it is."""
    found = _WRAPPED.fullmatch(text)
    return found[2] if found and found[2].strip() else text


def is_result_in_words(text: str) -> bool:
    """Say whether a text is a result from the time when calls were written as XML in the text of replies."""
    return _XML_RESULT.match(text) is not None


def workspace_in(text: str) -> str:
    """Return the directory that a program names in its notes, or an empty text."""
    found = _WORKSPACE.search(text)
    return (found[1] or found[2]).strip() if found else ""
