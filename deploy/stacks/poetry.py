"""Poetry's table of dependencies → requirements as pip takes them."""

from collections.abc import Mapping
from typing import Any

from deploy.errors import BadInputError


def read(table: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return which Python it allows, and the lines."""
    python, lines = "", []
    for name, value in table.items():
        several = value if isinstance(value, list) else [value]
        for one in several:
            if name.lower() == "python":
                python = _versions(str(one))
            elif not (isinstance(one, dict) and one.get("optional")):
                lines.append(_line(name, one))
    return python, lines


def _line(name: str, value: Any) -> str:
    if isinstance(value, str):
        return f"{name}{_versions(value)}"
    extras = f"[{','.join(value['extras'])}]" if value.get("extras") else ""
    marker = f" ; {value['markers']}" if value.get("markers") else ""
    if python := value.get("python"):
        both = [value["markers"]] if value.get("markers") else []
        clauses = [f"python_version {_operator(one)}" for one in _versions(python).split(",") if one]
        marker = f" ; {' and '.join([*both, *clauses])}"
    if "git" in value:
        at = value.get("rev") or value.get("tag") or value.get("branch")
        return f"{name}{extras} @ git+{value['git']}{f'@{at}' if at else ''}{marker}"
    if "url" in value:
        return f"{name}{extras} @ {value['url']}{marker}"
    if "path" in value:
        return f"./{value['path'].removeprefix('./')}{extras}{marker}"
    return f"{name}{extras}{_versions(value.get('version', '*'))}{marker}"


def _operator(clause: str) -> str:
    """Write `>=3.11` as a marker has it."""
    number = clause.lstrip("<>=!~")
    return f'{clause[: len(clause) - len(number)]} "{number}"'


def _versions(text: str) -> str:
    """Write Poetry's versions as pip has them; raise BadInputError for alternatives."""
    if "||" in text:
        raise BadInputError(f"pip has no way to say {text!r}: name a requirements file in project.requirements")
    return ",".join(_version(one.strip()) for one in text.replace(" ", ",").split(",") if one.strip() not in {"", "*"})


def _version(text: str) -> str:
    if text[0] == "^":
        return f">={text[1:]},<{_next(text[1:])}"
    if text[0] == "~" and text[1:2] != "=":
        return f">={text[1:]},<{_tilde(text[1:])}"
    return text if text[0] in "<>=!~" else f"=={text}"


def _next(text: str) -> str:
    """Return the first version that a caret leaves out: the first number that is not 0 grows."""
    numbers = [int(one) for one in text.split(".") if one.isdecimal()]
    place = next((at for at, number in enumerate(numbers) if number), len(numbers) - 1)
    return ".".join(str(number) for number in [*numbers[:place], numbers[place] + 1])


def _tilde(text: str) -> str:
    """Return the first version that a tilde leaves out: the second number grows, or the only one."""
    numbers = [int(one) for one in text.split(".") if one.isdecimal()][:2]
    return ".".join(str(number) for number in [*numbers[:-1], numbers[-1] + 1])
