"""What models cost and hold: the table that comes along, with a user's own on top.

Figures are data with a source and a date (`models.toml`). What a table does not say is None, and whoever asks shows
nothing rather than something wrong. Does not know where a user keeps a table: the edge hands it in, with `using`.
"""

import difflib
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta

from antiphon.errors import SettingsError
from antiphon.protocol.models import model_version

_Tokens = Annotated[int, Meta(ge=1)]
_Dollars = Annotated[float, Meta(ge=0, lt=1_000_000)]


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens, and per thousand web searches of the API; None where that is not known."""

    input: float | None = None
    output: float | None = None
    cache_read: float | None = None
    cache_write_5m: float | None = None
    cache_write_1h: float | None = None
    search: float | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """What is known of a model.

    Attributes:
        name: as requests have it.
        window: tokens that a request and its reply may have together.
        max_output: most tokens of a reply.
        price: of its tokens.
        above: from how many input tokens on a request has other prices, and which.
        source: where the figures come from, and from when they are.
    """

    name: str
    window: int | None = None
    max_output: int | None = None
    price: Price = Price()
    above: tuple[int, Price] | None = None
    source: str = ""

    def price_of(self, input_tokens: int) -> Price:
        """Return the prices for a request with so many input tokens, cached ones included."""
        return self.above[1] if self.above is not None and input_tokens > self.above[0] else self.price


class Models:
    """Models by name, in the order of their table."""

    def __init__(self, models: Iterable[Model] = ()) -> None:
        """Take the models; of two with one name the later one holds."""
        self._named = {model.name: model for model in models}
        # The names of first-party models come first, so they also speak for the other spellings.
        self._versions: dict[Any, Model] = {}
        for model in self._named.values():
            self._versions.setdefault(model_version(model.name) or model.name, model)

    def __iter__(self) -> Iterator[Model]:
        return iter(self._named.values())

    def named(self, name: str) -> Model | None:
        """Return what is known of a model, or None.

        A dated name (`claude-haiku-4-5-20251001`) means the model without the date. In the spelling of another platform
        (`us.anthropic.claude-haiku-4-5-20251001-v1:0`, `claude-haiku-4-5@20251001`) it is the same model but without a
        price: that is the platform's own.
        """
        undated, _, date = name.rpartition("-")
        found = self._named.get(name)
        if found is None and len(date) == 8 and date.isdecimal():
            found = self._named.get(undated)
        if found is not None:
            return found
        like = self._versions.get(model_version(name))
        return None if like is None else replace(like, name=name, price=Price(), above=None)


@cache
def shipped_models() -> Models:
    """Return the models of the table that comes along."""
    file = files("antiphon.providers") / "models.toml"
    return Models(_models(_parsed(file.read_text("utf-8")), str(file), Models()))


def read_models(path: Path) -> Models:
    """Return the shipped models with those of a file on top; without a file, the shipped ones.

    A model that is known keeps what the file does not say of it.

    Raises:
        SettingsError: names the file, the model and the key, and says what is wanted.
    """
    try:
        table = _parsed(path.read_text("utf-8"))
    except FileNotFoundError:
        return shipped_models()
    except (OSError, ValueError) as problem:  # ValueError: no UTF-8, or no TOML
        raise SettingsError(f"{path} cannot be read as a table of models: {problem}.") from problem
    return Models([*shipped_models(), *_models(table, str(path), shipped_models())])


_in_use: ContextVar[Models | None] = ContextVar("antiphon_models", default=None)


@contextmanager
def using(models: Models) -> Generator[None]:
    """Let these be the models that `model_named` knows, for what is called or started meanwhile."""
    token = _in_use.set(models)
    try:
        yield
    finally:
        _in_use.reset(token)


def models_in_use() -> Models:
    """Return the models of the innermost `using`, else the shipped ones."""
    return _in_use.get() or shipped_models()


def model_named(name: str) -> Model | None:
    """Return what is known of a model, or None; see `Models.named`."""
    return models_in_use().named(name)


_PRICES = tuple(field.name for field in fields(Price))
_TOKENS = "a whole number of tokens from 1"
_WANTED: Mapping[str, tuple[Any, str]] = {
    **dict.fromkeys(_PRICES, (_Dollars, "a price in US dollars per million tokens, from 0")),
    "search": (_Dollars, "a price in US dollars per thousand searches, from 0"),
    "window": (_Tokens, _TOKENS),
    "max_output": (_Tokens, _TOKENS),
    "above": (dict[str, Any], "a table of tokens and prices"),
}
_WANTED_ABOVE = {"tokens": (_Tokens, _TOKENS), **{key: _WANTED[key] for key in _PRICES}}


def _parsed(text: str) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415  (slow to import; not everybody asks for a price)

    return tomllib.loads(text)


def _models(table: dict[str, Any], where: str, known: Models) -> Iterator[Model]:
    for key in table:
        if key not in ("source", "date", "models"):
            raise SettingsError(f"{where}: {key} is not known here; there are source, date, models.")
    source = ", ".join(str(table[key]) for key in ("source", "date") if key in table) or where
    models: Any = table.get("models", {})
    if not isinstance(models, dict):
        raise SettingsError(f"{where}: models is {models!r}; wanted is a table of models.")
    for name, given in cast("dict[str, Any]", models).items():
        yield _model(name, given, f"{where}: {name}", source, known.named(name))


def _model(name: str, given: Any, where: str, source: str, known: Model | None) -> Model:
    if not isinstance(given, dict):
        raise SettingsError(f"{where} is {given!r}; wanted is a table such as {{ input = 3, output = 15 }}.")
    values = _values(cast("dict[str, Any]", given), _WANTED, where)
    base = known or Model(name)
    above = base.above
    if "above" in values:
        tier = _values(values.pop("above"), _WANTED_ABOVE, f"{where}.above")
        if "tokens" not in tier:
            raise SettingsError(f"{where}.above has no tokens; wanted is from how many on these prices hold.")
        above = (tier.pop("tokens"), Price(**tier))
    return Model(
        name,
        values.pop("window", base.window),
        values.pop("max_output", base.max_output),
        Price(**{**asdict(base.price), **values}),
        above,
        f"{source}; what it does not say: {base.source}" if base.source else source,
    )


def _values(given: dict[str, Any], wanted: Mapping[str, tuple[Any, str]], where: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in wanted:
            near = difflib.get_close_matches(key, wanted, n=1)
            hint = f"did you perhaps mean {near[0]}" if near else f"there are {', '.join(wanted)}"
            raise SettingsError(f"{where}: {key} is not known of a model; {hint}.")
        kind, words = wanted[key]
        try:
            values[key] = msgspec.convert(value, kind)
        except msgspec.ValidationError as problem:
            raise SettingsError(f"{where}: {key} is {value!r}; wanted is {words}.") from problem
    return values
