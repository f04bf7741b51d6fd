"""Removes the releases that are not needed any more, with what belongs to them."""

import os
from collections.abc import Set as AbstractSet

from deploy.effects import files
from deploy.stacks.systemd import host
from deploy.text.systemd import places
from deploy.text.systemd.places import Places


def prune(at: Places, busy: AbstractSet[str]) -> None:
    """Remove the releases that nothing leads to: neither what serves or is busy, nor what a rollback would take."""
    links = [at.current, at.previous, *(at.instance(number) for number in host.instances(at))]
    if at.processes.is_dir():
        links += at.processes.iterdir()
    kept = busy | {one.readlink().name for one in links if one.is_symlink()}
    for folder in (at.releases, at.rendered_all, at.own_secrets):
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.name not in kept:
                files.remove(path)
    links = [at.release(name) / link for name in kept for link in (places.ENVIRONMENT, ".venv")]
    used = {os.path.realpath(path) for path in links}
    for path in at.environments.iterdir() if at.environments.is_dir() else ():
        if os.path.realpath(path) not in used:
            files.remove(path)
