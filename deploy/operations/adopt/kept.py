"""What a project has on this machine and Parley will not use: its database, its key, its variables in a file."""

import ast
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from deploy.operations.adopt.sources import Source, Sources, last, text

# Tables that Django fills by itself.
DJANGO = {"django_migrations", "django_content_type", "auth_permission", "django_session", "sqlite_sequence"}
MODELS = {"Model", "AbstractUser", "AbstractBaseUser"}
VARIABLE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=")


@dataclass(frozen=True)
class Database:
    """The default database of the settings, as far as their text says."""

    engine: str  # the last word of ENGINE; "" where it is computed
    files: tuple[str, ...] = ()  # texts in its NAME
    host: str = ""


def database(sources: Sources, settings: Source) -> Database:
    """Read DATABASES["default"]."""
    for where, value in sources.resolve(settings, ast.Name("DATABASES")):
        for _, default in _items(sources, where, value, "default"):
            if isinstance(default, ast.Dict):
                engine, host = (_constant(sources, where, default, key_) for key_ in ("ENGINE", "HOST"))
                names = [_texts(found) for _, found in _items(sources, where, default, "NAME")]
                return Database(engine.rpartition(".")[2], tuple(one for texts in names for one in texts), host)
    return Database("")


def sqlite_file(found: Database, name: str | None, folder: Path) -> Path | None:
    """Return the SQLite file that the project has here: where its settings say, or by its name."""
    candidates = [Path(name)] if name else []
    if found.engine in {"sqlite3", "spatialite"} and found.files:
        candidates += [folder / found.files[-1], folder.joinpath(*found.files)]
    return next((file for file in candidates if file.is_absolute() and file.is_file()), None)


def rows(file: Path) -> tuple[int, int] | None:
    """Count rows, and tables that have any, without a lock or a file beside it; None where it is no database."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro&immutable=1", uri=True)) as connection:
            tables = [row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")]
            counts = [
                connection.execute(f'select count(*) from "{table.replace(chr(34), chr(34) * 2)}"').fetchone()[0]  # noqa: S608 (a name, quoted)
                for table in tables
                if table not in DJANGO
            ]
    except sqlite3.Error:
        return None
    return sum(counts), sum(map(bool, counts))


def key(sources: Sources, settings: Source) -> tuple[str, str] | None:
    """Return where a SECRET_KEY is written out, and the key; empty: another one each time."""
    for where, value in sources.resolve(settings, ast.Name("SECRET_KEY")):
        if written := text(value):
            return f"{where.file.name}:{value.lineno}", written
        if isinstance(value, ast.Call) and last(value.func) in {"get_random_secret_key", "token_urlsafe", "token_hex"}:
            return f"{where.file.name}:{value.lineno}", ""
    return None


def dotenv(folder: Path, top: Path) -> tuple[Path, list[str]] | None:
    """Return the .env file, and the names of its variables."""
    for file in (folder / ".env", top / ".env"):
        if file.is_file():
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
            return file, [found[1] for line in lines if (found := VARIABLE.match(line))]
    return None


def setting(sources: Sources, settings: Source, name: str) -> str | None:
    """Return a setting whose value is written out as a text."""
    return next((found for _, value in sources.resolve(settings, ast.Name(name)) if (found := text(value))), None)


def folder_of(sources: Sources, settings: Source, name: str, folder: Path) -> Path | None:
    """Return a setting's folder, by the texts in it: BASE_DIR / "media" lies beside manage.py."""
    for _, value in sources.resolve(settings, ast.Name(name)):
        if texts := _texts(value):
            return folder.joinpath(*texts)
    return None


def without_migrations(sources: Sources) -> list[Path]:
    """Return the apps whose models have no migrations: `migrate` makes no tables for them."""
    found = []
    for source in sources.all():
        in_package = source.file.parent.name == "models"
        if (in_package or source.file.stem == "models") and any(map(_is_model, source.tree.body)):
            app = source.file.parent.parent if in_package else source.file.parent
            above = [one for one in (app, *app.parents) if sources.roots[0] in one.parents]  # models may lie in a layer
            if not any(list(one.glob("migrations/[0-9]*.py")) for one in above):
                found.append(app)
    return list(dict.fromkeys(found))


def _is_model(node: ast.stmt) -> bool:
    """Tell whether a class is a model with a table of its own."""
    if not isinstance(node, ast.ClassDef) or not any(last(base) in MODELS for base in node.bases):
        return False
    metas = [inner for inner in node.body if isinstance(inner, ast.ClassDef) and inner.name == "Meta"]
    return not any("abstract = True" in ast.unparse(meta) or "managed = False" in ast.unparse(meta) for meta in metas)


def _constant(sources: Sources, source: Source, value: ast.Dict, name: str) -> str:
    return next((found for _, one in _items(sources, source, value, name) if (found := text(one))), "")


def _items(sources: Sources, source: Source, value: ast.expr, name: str) -> Iterator[tuple[Source, ast.expr]]:
    if isinstance(value, ast.Dict):
        for key_, item in zip(value.keys, value.values, strict=True):
            if text(key_) == name:
                yield from sources.resolve(source, item)


def _texts(value: ast.expr) -> list[str]:
    """Return the texts in an expression, in their order: those of a path."""
    return [found for node in ast.walk(value) if isinstance(node, ast.expr) and (found := text(node))]
