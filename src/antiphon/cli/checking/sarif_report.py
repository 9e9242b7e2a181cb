"""The report as SARIF 2.1.0, which code scanning services read."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from antiphon import __version__
from antiphon.cli.checking.problem import Problem, Report
from antiphon.cli.checking.rules import RuleEntry
from antiphon.cli.rule import page_text

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(reports: Sequence[Report]) -> str:
    """Return the problems as a SARIF log; ASCII only."""
    pairs = [(report.name, problem) for report in reports for problem in report.problems]
    rules = {problem.rule.id: problem.rule for _, problem in pairs}
    numbers = {rule_id: number for number, rule_id in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "antiphon",
                "version": __version__,
                "rules": [_rule(rule) for rule in rules.values()],
            }
        },
        "invocations": [
            {
                "executionSuccessful": not any(report.error for report in reports),
                "toolExecutionNotifications": [_notification(report) for report in reports if report.error],
            }
        ],
        "results": [_result(name, problem, numbers[problem.rule.id]) for name, problem in pairs],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(rule: RuleEntry) -> dict[str, Any]:
    described: dict[str, Any] = {
        "id": rule.id,
        "defaultConfiguration": {"level": "error"},
        "properties": {"fix": rule.fix},
    }
    if rule.name:
        page = page_text(rule)
        described["name"] = rule.name
        described["shortDescription"] = {"text": rule.statement}
        described["help"] = {"text": page, "markdown": page} if page else {"text": rule.statement}
    return described


def _result(name: str, problem: Problem, rule_number: int) -> dict[str, Any]:
    places = [_in_conversation(problem), problem.path]
    logical = ".".join(place for place in places if place)
    location: dict[str, Any] = {"physicalLocation": _physical(name, problem.line or 1)}
    if logical:
        location["logicalLocations"] = [{"fullyQualifiedName": logical, "kind": "element"}]
    return {
        "ruleId": problem.rule.id,
        "ruleIndex": rule_number,
        "level": "error",
        "message": {"text": problem.text},
        "locations": [location],
    }


def _in_conversation(problem: Problem) -> str:
    return f"conversations[{json.dumps(problem.conversation)}]" if problem.conversation else ""


def _physical(name: str, line: int) -> dict[str, Any]:
    return {"artifactLocation": {"uri": _uri(name)}, "region": {"startLine": line}}


def _notification(report: Report) -> dict[str, Any]:
    return {
        "level": "error",
        "message": {"text": report.error},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(report.name)}}}],
    }


def _uri(name: str) -> str:
    if os.path.isabs(name):  # noqa: PTH117  (a name as it was given)
        return Path(name).as_uri()
    return quote(os.fsencode(name))
