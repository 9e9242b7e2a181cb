"""The tools of the coding agent, all together."""

import re
from pathlib import Path

import pytest

from antiphon.protocol.encoding import encode
from antiphon.testing.tool_contract import check_schema
from antiphon.tools.base import Tool, Workspace
from antiphon.tools.standard import standard_tools

DOCUMENT = Path(__file__).parents[2] / "docs/tools.md"


@pytest.fixture
def tools(workspace: Workspace) -> list[Tool]:
    return standard_tools(workspace)


def definitions(tools: list[Tool]) -> bytes:
    return encode([[tool.name, tool.description, tool.input_schema] for tool in tools])


def test_each_has_a_name_of_its_own_and_a_schema_that_the_api_takes(tools: list[Tool]) -> None:
    names = [tool.name for tool in tools]
    assert len(set(names)) == len(names)
    for tool in tools:
        assert isinstance(tool, Tool)
        check_schema(tool.input_schema)


def test_every_argument_is_described(tools: list[Tool]) -> None:
    bare = [
        f"{tool.name}.{name}"
        for tool in tools
        for name, schema in tool.input_schema["properties"].items()
        if not schema.get("description")
    ]
    assert bare == []


def test_they_are_the_same_to_the_byte_each_time_so_that_prompt_caches_hold(tools: list[Tool], tmp_path: Path) -> None:
    assert definitions(standard_tools(Workspace.at(tmp_path))) == definitions(tools)


def test_they_cost_little_of_the_context(tools: list[Tool]) -> None:
    assert len(definitions(tools)) < 14_000  # about 3,500 tokens, in every request


def test_each_has_its_section_in_the_document(tools: list[Tool]) -> None:
    sections = re.findall(r"^## (\w+)$", DOCUMENT.read_text(), flags=re.MULTILINE)
    assert [tool.name for tool in tools if tool.name not in sections] == []


def test_nothing_in_the_workspace_is_touched_before_a_call(tools: list[Tool], workspace: Workspace) -> None:
    assert tools
    assert list(workspace.root.iterdir()) == []
    assert workspace.spill is not None
    assert not workspace.spill.exists()
