"""Layers of TOML over one typed model: each is checked alone, so that a wrong key is blamed on who wrote it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ValidationError

from deploy.errors import BadInputError
from deploy.model import reading
from deploy.model.validation_errors import TABLE, sentence

ENV = "env"
LIKE = "like"
STACKS = ("local", "compose", "systemd")  # an environment of each name is there without a table

Model = TypeVar("Model", bound=BaseModel)
Tables = dict[str, Any]
Extra = Literal["ignore"] | None  # None: as the model says, which is to refuse


class Layers(Generic[Model]):
    """The tables of one file, its environments', and what was put on top so far."""

    def __init__(self, model: type[Model], text: str, source: str, *, lenient: bool = False) -> None:
        """Read the text; every environment is checked, whichever is used. `lenient` leaves out unknown keys."""
        self._type = model
        self._extra: Extra = "ignore" if lenient else None
        self._tables: Tables = {}
        self._envs: dict[str, Tables] = {name: {} for name in STACKS}
        self._stacks = {name: name for name in STACKS}
        self._lay(reading.tables(text, source), source)

    @classmethod
    def read(cls, model: type[Model], path: Path, *, lenient: bool = False) -> Self:
        """Read a file."""
        return cls(model, reading.text(path), path.name, lenient=lenient)

    def lay(self, path: Path, *, without: str) -> Self:
        """Lay another file on top, as if its keys stood in the first one, whose table `without` is left out."""
        self._tables.pop(without, None)
        return self._lay(reading.toml(path), str(path))

    def _lay(self, data: Tables, source: str) -> Self:
        self._source = source
        self.written = data
        envs = _tables(data.pop(ENV, {}), f"{source}: {ENV}")
        self._tables = self._merged(self._tables, data, f"{source}: ")
        for name in sorted(envs, key=lambda name: name not in STACKS):  # the others are like one of these
            self._add(name, envs[name])
        return self

    def stack(self, env: str) -> str:
        """Return which stack an environment is for; raise BadInputError for a name that has no table."""
        if env not in self._stacks:
            raise BadInputError(f"{self._source}: no environment is called {env!r}: there are {', '.join(self._envs)}")
        return self._stacks[env]

    def pick(self, env: str) -> Self:
        """Put an environment's tables on top; raise BadInputError for a name that has none."""
        self.stack(env)
        self._tables = _merge(self._tables, self._envs[env])
        return self

    def put(self, path: Path) -> Self:
        """Put a host's own file on top."""
        self._tables = self._merged(self._tables, reading.toml(path), f"{path}: ")
        return self

    def model(self, overrides: Tables | None = None) -> Model:
        """Return the model, with the command line's values on top."""
        return self._validated(_merge(self._tables, overrides or {}), "")

    def _add(self, name: str, tables: Tables) -> None:
        """Take an environment's tables, on top of those of the stack that it is like."""
        path = f"{self._source}: {ENV}.{name}."
        own = dict(tables)
        if name not in STACKS:
            like = own.pop(LIKE, None)
            if like not in STACKS:
                raise BadInputError(f"{path}{LIKE}: must be {' or '.join(repr(stack) for stack in STACKS)}")
            self._stacks[name] = like
        below = self._envs[self._stacks[name]]
        self._merged(_merge(self._tables, below), own, path)
        self._envs[name] = _merge(below, own)

    def _merged(self, below: Tables, above: Tables, path: str) -> Tables:
        """Return the tables with others on top; what is wrong now is wrong in these, and path says where they are."""
        for name in above.keys() & self._type.model_fields.keys():
            if not isinstance(above[name], dict):
                raise BadInputError(f"{path}{name}: {TABLE}")
        tables = _merge(below, above)
        self._validated(tables, path)
        return tables

    def _validated(self, tables: Tables, path: str) -> Model:
        try:
            return self._type.model_validate(tables, extra=self._extra)
        except ValidationError as error:
            raise BadInputError(path + sentence(error)) from None


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> Tables:
    """Replace key by key inside each table; a list is replaced whole."""
    merged = dict(below)
    for name, values in above.items():
        merged[name] = {**below.get(name, {}), **values} if isinstance(values, dict) else values
    return merged


def _tables(value: Any, path: str) -> dict[str, Tables]:
    """Return a table of tables; raise BadInputError for what is none."""
    if not isinstance(value, dict):
        raise BadInputError(f"{path}: {TABLE}")
    for name, inner in value.items():
        if not isinstance(inner, dict):
            raise BadInputError(f"{path}.{name}: {TABLE}")
    return value
