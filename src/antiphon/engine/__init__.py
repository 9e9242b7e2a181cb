"""The turn engine: a reorder buffer for the tool calls of one assistant message.

Calls start as early as is safe, in any order, and retire in request order. Everything but `driver` is pure:
events in, commands out, no clock, no I/O. Knows calls, accesses and results; does not know what a file, a model or a
person is.
"""
