"""Whose a site's name is on this machine: the folder whose containers these are (docs/decisions/sites.md).

The first `docker compose up` makes the network `checkout`, which holds that in its name; Docker refuses a second one.
Under sudo Compose sees no folder and takes the https port, which is the same in every clone: there the folder that
Compose writes on each container tells.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.errors import BadInputError
from deploy.model.config import ROOT
from deploy.stacks.compose.docker import docker

KEY = "x-checkout"  # PARLEY_CHECKOUT as the shell or .env has it, in the Compose file
PORT = "port "
FOLDER = "com.docker.compose.project.working_dir"
ADVICE = "set PARLEY_CHECKOUT (this site moved) or PARLEY_NAME (another site): docs/deploying.md"


def shell(variables: Mapping[str, str]) -> str:
    """Give what the operator's own `docker compose` has as PWD; empty where sudo leaves it out."""
    if Path(variables.get("SUDO_COMMAND", "").partition(" ")[0]).name == "parley":
        return ""  # PWD is there all the same: the launcher's sh exports it
    said = variables.get("PWD", "")
    if not said:
        return ""
    return said if _is_here(said) else str(ROOT)


def owner(found: Mapping[str, Any], https: int, home: Path | None = None) -> str:
    """Give whose the name is: the network's own words, or where there is none those that Compose would use.

    Raises BadInputError if it is not ours.
    """
    wanted = _said(found, found["networks"]["checkout"]["name"])
    labels = {"project": found["name"], "network": "checkout"}
    filters = [f"--filter=label=com.docker.compose.{key}={value}" for key, value in labels.items()]
    there = [_said(found, one) for one in docker("network", "ls", "--format={{.Name}}", *filters).splitlines()]
    one = wanted if wanted in there or not there else there[0]
    if (found.get(KEY) and one == wanted) or (there and _is_here(one, home)):
        return one
    if there and not one.startswith(PORT):
        raise _refusal(found, one)
    folders = _folders(found["name"])
    if others := [folder for folder in folders if _is_here(folder, home) is False]:
        raise _refusal(found, others[0])
    if there and one != f"{PORT}{https}" and not any(_is_here(folder, home) for folder in folders):
        raise _refusal(found, one)
    return one


def _said(found: Mapping[str, Any], network: str) -> str:
    """Read the owner from the network's name."""
    return network.removeprefix(f"{found['name']} of ").rpartition(" - taken?")[0]


def _folders(project: str) -> list[str]:
    """List the folders from which the project's containers were made."""
    mine = f"--filter=label=com.docker.compose.project={project}"
    said = docker("ps", "--all", mine, f'--format={{{{.Label "{FOLDER}"}}}}')
    return sorted(set(filter(None, said.splitlines())))


def _is_here(folder: str, home: Path | None = None) -> bool | None:
    """Tell whether a folder is this checkout, or the one of a project's Compose file; None for one that is gone."""
    if not Path(folder).is_absolute():
        return None
    try:
        return Path(folder).samefile(home or ROOT)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:  # another user's
        return False


def _refusal(found: Mapping[str, Any], whose: str) -> BadInputError:
    return BadInputError(f"the name {found['name']} belongs to {whose}: {ADVICE}")
