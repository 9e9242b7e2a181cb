"""`antiphon models`: which models have figures, what they cost and hold, and where the figures come from."""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any

from antiphon.errors import SettingsError
from antiphon.providers.models import Model, Models, Price, read_models
from antiphon.settings import user_file

_UNKNOWN = "-"
_HEAD = ["model", "window", "max out", "in", "out", "read", "5m", "1h", "search"]
_EXPLAINED = """\
Tokens of the window and of the longest reply. US dollars per million tokens in,
out, read from the cache, written to it for 5 minutes and for an hour; per
thousand web searches of the API. A figure that is not known is "-"."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the flags of the command."""
    parser.add_argument("model", nargs="?", metavar="MODEL", help="the model to look up; without it, all")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the table, or what is known of one model.

    Raises:
        SettingsError: nothing is known of the model, or the user's table cannot be used.
    """
    models = own_models(os.environ)
    shown = list(models) if arguments.model is None else [_found(models, arguments.model)]
    text = json.dumps([_described(model) for model in shown], indent=2) if arguments.json else "\n".join(_table(shown))
    sys.stdout.write(text + "\n")
    return 0


def own_models(environment: Mapping[str, str]) -> Models:
    """Return the models with the user's own table on top.

    Raises:
        SettingsError: names the file, the model and the key, and says what is wanted.
    """
    return read_models(models_file(environment))


def models_file(environment: Mapping[str, str]) -> Path:
    """Return where a user's own table of models is, whether or not it exists: beside the settings."""
    return user_file(environment).with_name("models.toml")


def _found(models: Models, name: str) -> Model:
    model = models.named(name)
    if model is None:
        raise SettingsError(
            f"nothing is known of a model {name}, so no cost is shown for it; "
            f"say what it costs and holds in {models_file(os.environ)}."
        )
    return model


def _described(model: Model) -> dict[str, Any]:
    above = None if model.above is None else {"tokens": model.above[0], **asdict(model.above[1])}
    return {
        "name": model.name,
        "window": model.window,
        "max_output": model.max_output,
        "price": asdict(model.price),
        "above": above,
        "source": model.source,
    }


def _table(models: Iterable[Model]) -> Iterator[str]:
    groups: dict[str, list[list[str]]] = {}
    for model in models:
        groups.setdefault(model.source, []).extend(_rows(model))
    rows = [_HEAD, *(row for group in groups.values() for row in group)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    yield _EXPLAINED
    for source, group in groups.items():
        yield f"\nSource: {source}"
        for name, *cells in [_HEAD, *group]:
            figures = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
            yield f"{name:<{widths[0]}}  {'  '.join(figures)}"


def _rows(model: Model) -> Iterator[list[str]]:
    yield [model.name, _tokens(model.window), _tokens(model.max_output), *_prices(model.price)]
    if model.above is not None:
        yield [f"  above {_tokens(model.above[0])} in", "", "", *_prices(model.above[1])]


def _tokens(count: int | None) -> str:
    if count is None:
        return _UNKNOWN
    for unit, letter in ((1_000_000, "M"), (1000, "k")):
        if count >= unit and count % unit == 0:
            return f"{count // unit}{letter}"
    return str(count)


def _prices(price: Price) -> list[str]:
    return [_UNKNOWN if each is None else f"{each:g}" for each in astuple(price)]
