"""The report for people: a line for each problem, and one at the end that says what can be done.

Whatever comes from a file is made safe before it is shown; colours are added behind that.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from antiphon.cli.checking.problem import Problem, Report, Wish
from antiphon.cli.paint import Paint
from antiphon.cli.safe_text import one_line, safe

_DIFF_STYLES = (("+++", "strong"), ("---", "strong"), ("@@", "hunk"), ("+", "ok"), ("-", "bad"))
_MARKS = {"safe": "[fixable]", "lossy": "[lossy fix]", "none": ""}


def shown_name(name: str) -> str:
    """Return the name of a file safe to print on one line."""
    return safe(name).replace("\n", "␊")


def problem_line(name: str, problem: Problem, paint: Paint) -> str:
    """Return a problem on one line: where, which rule, what the API would say, and whether it can be repaired."""
    mark = paint(_MARKS[problem.rule.fix], "ok" if problem.rule.fix == "safe" else "wait")
    parts = [_place(name, problem, paint), paint(problem.rule.id, "bad"), one_line(text_without_place(problem)), mark]
    return " ".join(part for part in parts if part)


def fixed_line(name: str, problem: Problem, paint: Paint) -> str:
    """Return on one line what a repair did."""
    done = one_line(problem.rule.done) or "repaired"
    return f"{_place(name, problem, paint)} {paint(problem.rule.id, 'ok')} fixed: {done}"


def _place(name: str, problem: Problem, paint: Paint) -> str:
    line = "" if problem.line is None else str(problem.line)
    places = [place for place in (line, one_line(problem.conversation), problem.path) if place]
    return ":".join([paint(shown_name(name), "strong"), *places]) + ":"


def text_without_place(problem: Problem) -> str:
    """Return the API's text without the place it begins with, where we say the same one."""
    place = f"messages.{problem.message}" + ("" if problem.block is None else f".content.{problem.block}")
    return problem.text.removeprefix(f"{place}: ")


def fixed_lines(report: Report, paint: Paint) -> Iterator[str]:
    """Yield what the repairs of a file did, each once."""
    yield from dict.fromkeys(fixed_line(report.name, problem, paint) for problem in report.fixed)


def diff_lines(changes: Iterable[str], paint: Paint, *, terminal: bool) -> Iterator[str]:
    """Yield the lines of a diff: as they are for programs, safe and coloured for a terminal."""
    for line in changes:
        style = next((style for start, style in _DIFF_STYLES if line.startswith(start)), "")
        shown = safe(line) if terminal else line
        yield paint(shown, style) if style else shown


def summary(reports: Sequence[Report], wish: Wish) -> str:
    """Return the last line of a report."""
    found = sum(report.found for report in reports)
    left = [problem for report in reports for problem in report.problems]
    failed = sum(1 for report in reports if report.error)
    if not reports:
        return "Nothing to check was found."
    if not found:
        rest = f"; {_count(failed, 'file')} could not be checked" if failed else ""
        return f"No problems found in {_count(len(reports) - failed, 'file')}{rest}."
    affected = sum(1 for report in reports if report.found)
    where = "" if len(reports) == 1 else f" in {affected} of {_count(len(reports), 'file')}"
    if not wish.fix and not wish.diff:
        return f"Found {_count(found, 'problem')}{where}{_can_be_fixed(left)}."
    done = "would be fixed" if wish.diff else "fixed"
    fixed = max(0, found - len(left))
    return f"Found {_count(found, 'problem')}{where} ({fixed} {done}, {len(left)} remaining){_needs(left, wish)}."


def _can_be_fixed(left: Sequence[Problem]) -> str:
    fixes = Counter(problem.rule.fix for problem in left)
    parts = [f"{fixes['safe']} fixable with --fix"] if fixes["safe"] else []
    if fixes["lossy"]:
        parts.append(f"{fixes['lossy']} {'' if parts else 'fixable '}with --fix --lossy-fixes")
    return f" ({', '.join(parts)})" if parts else ""


def _needs(left: Sequence[Problem], wish: Wish) -> str:
    lossy = sum(1 for problem in left if problem.rule.fix == "lossy")
    if wish.lossy or not lossy:
        return ""
    return f"; {lossy} of them {'needs' if lossy == 1 else 'need'} --lossy-fixes"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def statistics(reports: Sequence[Report]) -> list[tuple[int, Problem]]:
    """Return how often each rule is broken, the most frequent first, each with one of its problems."""
    problems = [problem for report in reports for problem in report.problems]
    counts = Counter(problem.rule.id for problem in problems)
    examples = {problem.rule.id: problem for problem in reversed(problems)}
    return sorted(((counts[key], examples[key]) for key in counts), key=lambda row: (-row[0], row[1].rule.id))


def statistics_lines(reports: Sequence[Report], paint: Paint) -> Iterator[str]:
    """Yield the statistics as lines."""
    rows = statistics(reports)
    width = len(str(rows[0][0])) if rows else 0
    for count, problem in rows:
        mark = _MARKS[problem.rule.fix]
        yield f"{count:>{width}}  {paint(problem.rule.id, 'bad')}  {problem.rule.name}  {mark}".rstrip()
