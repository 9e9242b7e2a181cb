"""The report for programs: a JSON list of problems, and annotations for GitHub's log."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from antiphon.cli.checking.problem import Problem, Report
from antiphon.cli.checking.text_report import shown_name, statistics, text_without_place
from antiphon.cli.safe_text import safe


def problems_json(reports: Sequence[Report]) -> str:
    """Return the problems as a JSON array; ASCII only, so that it is safe wherever it is printed."""
    return _written([_problem(report.name, problem) for report in reports for problem in report.problems])


def statistics_json(reports: Sequence[Report]) -> str:
    """Return how often each rule is broken, as a JSON array."""
    return _written(
        [
            {"code": problem.rule.id, "name": problem.rule.name, "count": count, "fix": problem.rule.fix}
            for count, problem in statistics(reports)
        ]
    )


def _problem(name: str, problem: Problem) -> dict[str, Any]:
    rule = problem.rule
    return {
        "code": rule.id,
        "name": rule.name,
        "message": problem.text,
        "filename": name,
        "location": {
            "line": problem.line,
            "conversation": problem.conversation or None,
            "message": problem.message,
            "block": problem.block,
            "path": problem.path or None,
        },
        "url": f"docs/rules/{rule.page}" if rule.name else None,
        "fix": {"applicability": rule.fix, "done": rule.done or None},
    }


def _written(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"


def github_lines(reports: Sequence[Report]) -> Iterator[str]:
    """Yield workflow commands, which GitHub shows beside the lines of a change."""
    for report in reports:
        for problem in report.problems:
            title = _property(f"{problem.rule.id} ({problem.rule.name})")
            place = f"file={_property(shown_name(report.name))},line={problem.line or 1}"
            text = f"{problem.path}: {text_without_place(problem)}" if problem.path else problem.text
            yield f"::error title={title},{place}::{_data(safe(text))}"
        if report.error:
            yield f"::error file={_property(shown_name(report.name))}::{_data(safe(report.error))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
