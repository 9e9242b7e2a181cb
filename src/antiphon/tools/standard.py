"""The tools of the coding agent, in the fixed order that prompt caches rest on."""

from antiphon.policy.addresses import Addresses
from antiphon.policy.sandbox.base import Sandbox
from antiphon.tools.ask_user import AskPerson, AskUser
from antiphon.tools.base import Limits, Tool, Workspace
from antiphon.tools.edit_file import EditFile
from antiphon.tools.list_files import ListFiles
from antiphon.tools.read_file import ReadFile
from antiphon.tools.run_command import RunCommand
from antiphon.tools.search_files import SearchFiles
from antiphon.tools.search_history import Entries, SearchHistory
from antiphon.tools.todos import UpdateTodos
from antiphon.tools.web_fetch import WebFetch
from antiphon.tools.web_search import WebSearch
from antiphon.tools.write_file import WriteFile


def standard_tools(
    workspace: Workspace,
    *,
    ask: AskPerson | None = None,
    search: str = "ddgs",
    addresses: Addresses | None = None,
    limits: Limits | None = None,
    history: Entries | None = None,
    sandbox: Sandbox | None = None,
) -> list[Tool]:
    """Return the tools of the coding agent.

    Args:
        workspace: where they work.
        ask: puts a question to the user; without it the model is told to decide itself.
        search: the search engine; see `WebSearch`.
        addresses: which addresses `web_fetch` may reach; public ones only unless given.
        limits: how long results may be.
        history: reads the records of the session; without it the model has no `search_history`.
        sandbox: what commands run in; none without.
    """
    command = RunCommand(workspace, limits, sandbox=sandbox)
    tools: list[Tool] = [
        ReadFile(workspace, limits),
        ListFiles(workspace, limits),
        SearchFiles(workspace, limits),
        EditFile(workspace, limits),
        WriteFile(workspace, limits),
        command,
        command.background_tool(),
        WebFetch(addresses),
        WebSearch(search),
        AskUser(ask),
        UpdateTodos(),
    ]
    if history is not None:
        tools.append(SearchHistory(history))
    return tools
