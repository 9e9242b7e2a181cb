"""Shell commands as structure: what a command line is made of, and which of it is known to only read.

Knows the shell's language and well-known programs. Knows nothing of tools, permissions or who asks.
"""
