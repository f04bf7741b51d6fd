"""Which commands know projects: the others would do their work on the reference chat without a word."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from deploy.errors import BadInputError

OPTION, VARIABLE = "--project", "PARLEY_PROJECT"
OF_PARLEY_ITSELF = {"test", "bench", "adopt"}  # about the checkout, or with a folder of their own


def require_known(command: Any, words: Sequence[str], variables: Mapping[str, str] = os.environ) -> None:
    """Raise BadInputError where a project is named to a command that has no such option."""
    options = words[: words.index("--")] if "--" in words else words
    named = any(word == OPTION or word.startswith(f"{OPTION}=") for word in options)
    if not (named or variables.get(VARIABLE)) or {"--help", *OF_PARLEY_ITSELF} & {*words[:1], *words[-1:]}:
        return
    path = []
    for word in words:
        below = getattr(command, "commands", {}).get(word)
        if below is None:
            break
        command = below
        path.append(word)
    known = any(one.name == "project" for one in command.params)
    if path and not known and not getattr(command, "commands", {}):
        raise BadInputError(f"{' '.join(path)}: not yet for a project: it works on the reference chat alone")
