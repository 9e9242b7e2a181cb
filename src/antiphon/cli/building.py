"""Builds the agent that the settings describe, and takes it down again."""

import os
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import anyio

from antiphon.agent import DEFAULT_MODEL, Agent
from antiphon.agent.limits import GoOn
from antiphon.agent.prompt import coding_prompt
from antiphon.checkpoints import Checkpoints
from antiphon.cli.keys import require_key
from antiphon.engine.turn import DEFAULT_LIMIT
from antiphon.errors import CheckpointError, SettingsError
from antiphon.policy import Approve, Permissions, Rule
from antiphon.policy.ignoring import open_ignored
from antiphon.policy.rules import check_tools
from antiphon.policy.sandbox.base import Sandbox
from antiphon.policy.sandbox.choosing import Chosen, open_sandbox
from antiphon.providers.anthropic import AnthropicProvider
from antiphon.providers.base import Provider
from antiphon.sessions.places import workspace_directory
from antiphon.sessions.session import Session
from antiphon.settings import Settings
from antiphon.tools.ask_user import AskPerson, AskUser
from antiphon.tools.base import Tool, Workspace
from antiphon.tools.search_history import SearchHistory
from antiphon.tools.standard import standard_tools


@dataclass(frozen=True, slots=True)
class Workbench:
    """What agents of one process share: where they work, with which tools, and who serves the model.

    Attributes:
        settings: what the user set.
        workspace: where they work.
        tools: what they work with.
        provider: who serves the model.
        system: what the model is told.
        sandbox: what commands run in; None where they run without.
        permissions: which calls may run; a rule that is added holds for all of them at once.
        approve: who decides about calls that the permissions leave open.
        go_on: who decides whether a run goes on beyond a limit.
        checkpoints: where files are kept before they are changed.
        told: what the user has to know before the first prompt, one sentence each.
    """

    settings: Settings
    workspace: Workspace
    tools: Sequence[Tool]
    provider: Provider
    system: str
    sandbox: Sandbox | None
    permissions: Permissions
    approve: Approve | None = None
    go_on: GoOn | None = None
    checkpoints: Checkpoints | None = None
    told: tuple[str, ...] = ()

    def agent(self, session: Session | None = None, *, model: str | None = None) -> Agent:
        """Return an agent that records in a session, and goes on where that one stands."""
        settings = self.settings
        used = session.found.params if session is not None else None
        # The prompt of a session stays what it was, date included: caches and bound thinking rest on it.
        keeps_prompt = used is not None and settings.system_prompt is None and settings.append_system_prompt is None
        return Agent(
            model or settings.model or str((used or {}).get("model") or DEFAULT_MODEL),
            # Last, so that a cache holds the others for every session.
            tools=[*self.tools, SearchHistory(session.history)] if session is not None else self.tools,
            provider=self.provider,
            system=None if keeps_prompt else self.system,
            permissions=self.permissions,
            approve=self.approve,
            workspace=self.workspace,
            max_turns=settings.max_turns,
            max_tool_calls=settings.max_tool_calls,
            max_budget_usd=settings.max_budget_usd,
            go_on=self.go_on,
            watch_repetition=True,
            hooks=settings.hooks,
            max_parallel=settings.max_parallel_tools or DEFAULT_LIMIT,
            session=session,
            checkpoints=self.checkpoints,
            compact_at=settings.compact_at,
            compact_model=settings.compact_model,
        )


@asynccontextmanager
async def open_workbench(
    settings: Settings,
    *,
    approve: Approve | None = None,
    ask: AskPerson | None = None,
    go_on: GoOn | None = None,
    data: Path | None = None,
) -> AsyncGenerator[Workbench]:
    """Set up the working directory for agents; on leaving tools and connections are closed, no process is left.

    Args:
        settings: what the user set.
        approve: asks the person whether a call may run.
        ask: puts a question of the model to the person.
        go_on: asks the person whether a run goes on beyond a limit; without it such a run stops.
        data: where data of workspaces is kept; nothing outlives the process without.

    Raises:
        SettingsError: a directory does not exist, no tool has such a name, or there is no key.
    """
    require_key(os.environ)
    provider = AnthropicProvider()
    async with AsyncExitStack() as stack:
        temporary = stack.enter_context(tempfile.TemporaryDirectory(prefix="antiphon-"))
        spill = workspace_directory(data, Path.cwd().resolve()) / "results" if data is not None else temporary
        workspace = workspace_of(settings, spill)
        chosen = await stack.enter_async_context(sandbox_of(settings, workspace))
        tools = tools_of(settings, workspace, ask, chosen.sandbox)
        checkpoints = None if data is None else checkpoints_of(workspace.root, data)
        bench = Workbench(
            settings,
            workspace,
            tools,
            provider,
            system_prompt(settings, workspace),
            chosen.sandbox,
            permissions_of(settings, workspace, tools),
            approve,
            go_on,
            checkpoints,
            (chosen.told,) if chosen.told else (),
        )
        try:
            yield bench
        finally:
            with anyio.CancelScope(shield=True):
                await bench.agent().aclose()


def sandbox_of(settings: Settings, workspace: Workspace) -> AbstractAsyncContextManager[Chosen]:
    """Return the sandbox that commands run in, while the context is open.

    Raises:
        SettingsError: there has to be one and is none, or a setting cannot be understood.
    """
    return open_sandbox(
        settings.sandbox,
        workspace,
        domains=settings.sandbox_domains,
        write=settings.sandbox_write,
        show=settings.sandbox_show,
        keep=settings.sandbox_environment,
    )


def permissions_of(settings: Settings, workspace: Workspace, tools: Sequence[Tool]) -> Permissions:
    """Return what the settings say of who may do what.

    Raises:
        SettingsError: a rule is about no tool there is.
    """
    names = [*(tool.name for tool in tools), SearchHistory.name]
    for rule in settings.rules:
        check_tools(rule, names)
    # A question to the person needs no approval of that person.
    ours = Rule("allow", AskUser.name)
    return Permissions(settings.permission_mode, [ours, *settings.rules], workspace=workspace)


def checkpoints_of(root: Path, data: Path) -> Checkpoints | None:
    """Return where the files of a workspace are kept; None for a directory that is no project, such as a home."""
    try:
        return Checkpoints(root, workspace_directory(data, root) / "checkpoints")
    except CheckpointError:
        return None


def workspace_of(settings: Settings, spill: Path | str) -> Workspace:
    """Return the workspace: the working directory, those added to it, and one for over-long results.

    Raises:
        SettingsError: an added directory is none.
    """
    added: list[Path] = []
    for name in settings.add_dirs:
        directory = Path(name).expanduser().resolve()
        if not directory.is_dir():
            raise SettingsError(f"--add-dir {name} is not a directory.")
        added.append(directory)
    root = Path.cwd().resolve()
    return Workspace(root, tuple(added), Path(spill).resolve(), open_ignored(root, settings.ignore_files, added))


def system_prompt(settings: Settings, workspace: Workspace) -> str:
    """Return the system prompt: the user's, or the agent's own; with the user's addition."""
    if settings.system_prompt is None:
        return coding_prompt(workspace, today=_today(), append=settings.append_system_prompt)
    return "\n\n".join(part for part in (settings.system_prompt, settings.append_system_prompt) if part)


def tools_of(
    settings: Settings, workspace: Workspace, ask: AskPerson | None = None, sandbox: Sandbox | None = None
) -> Sequence[Tool]:
    """Return the tools that the settings describe.

    Raises:
        SettingsError: nobody knows how to search the web like that.
    """
    try:
        return standard_tools(workspace, ask=ask, search=settings.web_search, sandbox=sandbox)
    except ValueError as problem:
        raise SettingsError(f"web_search: {problem}.") from problem


def _today() -> date:
    return datetime.now().astimezone().date()
