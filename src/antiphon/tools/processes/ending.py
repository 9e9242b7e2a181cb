"""What a command came to, in words for the model."""

import signal

from antiphon.tools.processes.running import Ended
from antiphon.tools.text import quantity


def how_it_ended(ended: Ended) -> str:
    """Return how a command ended: `exit code 0`, `ended by SIGSEGV`."""
    if ended.exceeded:
        return f"it was stopped because it took {ended.exceeded}"
    if ended.code is None:
        return "it could not be killed and was given up"
    if ended.code >= 0:
        return f"exit code {ended.code}"
    try:
        name = signal.Signals(-ended.code).name
    except ValueError:
        name = f"signal {-ended.code}"
    return f"ended by {name}"


def stopped_children(ended: Ended) -> str:
    """Return a note about processes that outlived the command; nothing when there were none."""
    if not ended.left:
        return ""
    return (
        f"({quantity(ended.left, 'process', 'processes')} it left running stopped with it. "
        "What is to go on running is started with `background`.)"
    )
