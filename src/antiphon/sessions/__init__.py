"""Sessions that outlive their process: an append-only log of what happened, and the conversation rebuilt from it.

Knows records, files and locks. Does not know the agent that appends, the tools that run, or how a session is shown.
"""

from antiphon.sessions.session import Session
from antiphon.sessions.storage.log import Durability
from antiphon.sessions.store import Sessions

__all__ = ["Durability", "Session", "Sessions"]
