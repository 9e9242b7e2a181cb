"""What a model API accepts, as pure functions of plain JSON.

Knows the wire format of messages, tool calls and streams. Does not know HTTP, files, time or who asks:
the agent, the checker, the proxy and the emulator all read the same rules. Standard library only.
"""
