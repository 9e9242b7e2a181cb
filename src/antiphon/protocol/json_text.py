"""Where strings, numbers and escapes stand in JSON that no reader takes.

One pass over the text each; nothing here goes back over what it has seen.
"""

import re

NOT_JSON = "The request body is not valid JSON: {problem}: line {line} column {column} (char {position})"
"""How the API tells that a body is not JSON."""

# A string that does not end goes on to the end of the text: that way each character is looked at once.
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
STRINGS = re.compile(_STRING, re.DOTALL)
"""The strings of a text, with their quotes."""

NUMBERS = re.compile(_STRING + r"|(-?(?:NaN|Infinity)|-?\d++(?:\.\d++)?+(?:[eE][+-]?\d++)?+)", re.DOTALL)
"""The same and, as the first group, what stands for a number, also what JSON does not know as one."""

SURROGATES = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u([dD][89a-fA-F][0-9a-fA-F]{2})|\\.", re.DOTALL
)
"""Escapes; where one is half of a surrogate pair without the other half, its digits are the first group."""
