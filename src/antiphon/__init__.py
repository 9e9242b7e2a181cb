"""Antiphon: a coding agent whose tool calls run side by side and whose conversation is always valid.

Everything a user needs stands here; the rest of the package is for those who build on it. Names are loaded when they
are first used, so that the command line starts at once.
"""

TYPE_CHECKING = False
"""Type checkers take it for true. `typing` itself is most of what `antiphon --version` would load."""

if TYPE_CHECKING:
    from antiphon.agent.agent import Agent as Agent
    from antiphon.agent.calls import Calls as Calls
    from antiphon.agent.calls import Exchange as Exchange
    from antiphon.agent.calls import run_calls as run_calls
    from antiphon.agent.events import AgentEvent as AgentEvent
    from antiphon.agent.events import RunResult as RunResult
    from antiphon.agent.events import Usage as Usage
    from antiphon.checkpoints import Checkpoints as Checkpoints
    from antiphon.engine.events import Access as Access
    from antiphon.engine.events import Result as Result
    from antiphon.engine.events import ToolCall as ToolCall
    from antiphon.engine.events import failure as failure
    from antiphon.engine.events import reading as reading
    from antiphon.engine.events import writing as writing
    from antiphon.errors import AntiphonError as AntiphonError
    from antiphon.errors import ProviderError as ProviderError
    from antiphon.policy import Approval as Approval
    from antiphon.policy import ApprovalRequest as ApprovalRequest
    from antiphon.policy import Permissions as Permissions
    from antiphon.protocol.checking import check as check
    from antiphon.protocol.checking import repair as repair
    from antiphon.protocol.dialects import dialect as dialect
    from antiphon.sessions import Session as Session
    from antiphon.sessions import Sessions as Sessions
    from antiphon.tools.base import ToolContext as ToolContext
    from antiphon.tools.base import Workspace as Workspace
    from antiphon.tools.function import tool as tool
    from antiphon.tools.standard import standard_tools as standard_tools

__version__ = "0.1.0"

_HOMES = {
    "Access": "antiphon.engine.events",
    "Agent": "antiphon.agent.agent",
    "AgentEvent": "antiphon.agent.events",
    "AntiphonError": "antiphon.errors",
    "Approval": "antiphon.policy",
    "ApprovalRequest": "antiphon.policy",
    "Calls": "antiphon.agent.calls",
    "Checkpoints": "antiphon.checkpoints",
    "Exchange": "antiphon.agent.calls",
    "Permissions": "antiphon.policy",
    "ProviderError": "antiphon.errors",
    "Result": "antiphon.engine.events",
    "RunResult": "antiphon.agent.events",
    "Session": "antiphon.sessions",
    "Sessions": "antiphon.sessions",
    "ToolCall": "antiphon.engine.events",
    "ToolContext": "antiphon.tools.base",
    "Usage": "antiphon.agent.events",
    "Workspace": "antiphon.tools.base",
    "check": "antiphon.protocol.checking",
    "dialect": "antiphon.protocol.dialects",
    "failure": "antiphon.engine.events",
    "reading": "antiphon.engine.events",
    "repair": "antiphon.protocol.checking",
    "run_calls": "antiphon.agent.calls",
    "standard_tools": "antiphon.tools.standard",
    "tool": "antiphon.tools.function",
    "writing": "antiphon.engine.events",
}

__all__ = [
    "Access",
    "Agent",
    "AgentEvent",
    "AntiphonError",
    "Approval",
    "ApprovalRequest",
    "Calls",
    "Checkpoints",
    "Exchange",
    "Permissions",
    "ProviderError",
    "Result",
    "RunResult",
    "Session",
    "Sessions",
    "ToolCall",
    "ToolContext",
    "Usage",
    "Workspace",
    "check",
    "dialect",
    "failure",
    "reading",
    "repair",
    "run_calls",
    "standard_tools",
    "tool",
    "writing",
]


def __getattr__(name: str) -> object:
    from importlib import import_module  # noqa: PLC0415  (as above)

    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'antiphon' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
