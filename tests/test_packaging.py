"""The front door: which names there are, what starting costs in imports, and what belongs to an installation."""

import ast
import json
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

import antiphon

ROOT = Path(__file__).resolve().parent.parent


def test_the_public_names_are_these() -> None:
    # Adding one is a decision: it is a promise to everybody who imports it.
    assert sorted(antiphon.__all__) == [
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


@pytest.mark.parametrize("name", antiphon.__all__)
def test_a_public_name_is_there_and_is_documented(name: str) -> None:
    value = getattr(antiphon, name)
    assert name in dir(antiphon)
    # A union of events has no docstring of its own; its members do.
    assert value.__doc__


def test_type_checkers_see_the_same_names_as_programs() -> None:
    tree = ast.parse(Path(antiphon.__file__).read_text())
    seen = {
        str(alias.asname): str(statement.module)
        for block in tree.body
        if isinstance(block, ast.If)
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    loaded = {name: getattr(antiphon, name) for name in antiphon.__all__}
    assert sorted(seen) == sorted(loaded)
    assert {name: getattr(sys.modules[module], name) for name, module in seen.items()} == loaded


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'agnet'"):
        _ = antiphon.agnet  # type: ignore[attr-defined]  # the point of the test


def test_the_version_is_the_one_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert antiphon.__version__ == project["version"]


def imported_by(*arguments: str) -> tuple[str, set[str]]:
    """Return what `antiphon` prints for some arguments, and the modules it imports for that."""
    program = (
        "import json, sys\n"
        "before = set(sys.modules)\n"
        "from antiphon.cli.main import main\n"
        "try:\n"
        f"    main({list(arguments)!r})\n"
        "except SystemExit:\n"
        "    pass\n"
        "print(json.dumps(sorted(set(sys.modules) - before)), file=sys.stderr)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    return ran.stdout, set(json.loads(ran.stderr))


def packages(modules: set[str]) -> set[str]:
    """Return the names of the packages that are not of the standard library."""
    return {module.partition(".")[0] for module in modules} - set(sys.stdlib_module_names)


def test_the_version_is_told_without_loading_anything() -> None:
    printed, modules = imported_by("--version")
    assert printed == f"antiphon {antiphon.__version__}\n"
    assert packages(modules) == {"antiphon"}
    assert {module for module in modules if module.startswith("antiphon")} == {
        "antiphon",
        "antiphon.cli",
        "antiphon.cli.main",
    }
    assert not modules & {"argparse", "asyncio", "logging", "socket", "subprocess", "typing_extensions"}


def test_help_loads_the_parser_and_nothing_of_the_agent() -> None:
    printed, modules = imported_by("--help")
    assert "--output-format" in printed
    assert packages(modules) == {"antiphon"}
    assert {module.split(".")[1] for module in modules if module.startswith("antiphon.")} == {"cli"}
    assert not modules & {"asyncio", "http.client", "logging", "socket", "ssl", "subprocess"}


def test_importing_antiphon_loads_no_dependency() -> None:
    program = "import sys; before = set(sys.modules); import antiphon; print(*(set(sys.modules) - before))"
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    assert packages(set(ran.stdout.split())) == {"antiphon"}


def test_type_checkers_are_told_that_there_are_types() -> None:
    assert files("antiphon").joinpath("py.typed").is_file()


def test_every_dependency_has_an_upper_bound_and_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    reasons = (ROOT / "docs/decisions/0002-dependencies.md").read_text()
    for requirement in project["dependencies"]:
        assert ",<" in requirement, requirement
        name = requirement.split(">=")[0]
        assert f"| {name} |" in reasons, f"{name} has no row in the table of the decision"
