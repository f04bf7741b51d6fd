"""`python -m deploy setup`: what the one-shot service of docker-compose.prod.yml does before anything else starts.

It may run again at any time: what is secret is made once, the rest is written anew.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.effects import files
from deploy.model import rules
from deploy.model.capacity import Capacity, capacity
from deploy.model.config import Config
from deploy.stacks import authority, static
from deploy.stacks.compose import assemble, secrets, tls, variables
from deploy.stacks.local import application
from deploy.stacks.local.application import Facts
from deploy.text import prometheus, render
from deploy.text.compose import places, site

STACK = "compose"
DIGITS = 8  # of a digest; as many as a release's id has


def setup(given: Mapping[str, str], only: str | None = None) -> Iterator[str]:
    """Fill the volumes, saying what was done; `only` is one part of it, for a rollout."""
    config, facts = variables.config(given, places.TOML, places.VARIABLES), assemble.facts()
    if facts:
        config = config.within(places.PROJECT)
    size = fitting(config)
    release = places.RELEASE.read_text(encoding="ascii").strip()
    authority.look(config, places.REDIS_CA)
    # For a rollout too: at its end all of it runs again.
    whose, wrong = (None, "") if only in {"static", "env"} else tls.check(given, config)
    os.umask(0o027)  # the group reads: postgres and prometheus are not the image's user
    if wrong:
        yield f"warning: {wrong}"
    if only is None and whose:
        yield tls.ensure(whose, config)
    if only in (None, "nginx"):
        yield nginx(config, size, release, facts, current=only is None)
    if only in (None, "static"):
        static.add(places.COLLECTED, places.STATIC, release)
        yield f"static files of {release}: added to those of the release before"
    if only in (None, "env"):
        yield from secrets.take(config, size)
        own = secrets.fill(config)
        for name, text in {**own, **site.files(config, size), **site.project_files(config, size, own)}.items():
            files.write(places.APP / name, text, secrets.READABLE)
    if only is None:
        static.serves(places.STATIC, release)
        yield f"{size.sockets} sockets each for {config.app.instances} replicas, {size.open_files} open files"
        places.CHALLENGES.mkdir(parents=True, exist_ok=True)
        for name, text in prometheus.rendered(config, size, prometheus.of_compose(config)).items():
            files.write(places.PROMETHEUS / name, text, secrets.READABLE)
        yield f"Prometheus's configuration: a scrape every {config.monitoring.scrape_seconds} s"


def fitting(config: Config) -> Capacity:
    """Fit app.sockets to the replicas and open files of .env; raise BadInputError for a rule that does not hold."""
    size = capacity(config, config.limits.open_files)
    rules.require(config, size, STACK)
    return size


def nginx(config: Config, size: Capacity, release: str, facts: Facts | None = None, *, current: bool) -> str:
    """Write nginx's files into a folder of their own, and with `current` have the edge serve with them.

    Other files have another folder, of the same release too: the edge reads what `current` leads to once it differs.
    """
    paths = application.paths(config, facts) if facts else None
    rendered = render.nginx(config, site.nginx(config, size, paths))
    digest = hashlib.sha256(json.dumps(rendered, sort_keys=True).encode()).hexdigest()[:DIGITS]
    folder = places.NGINX / f"{release}-{digest}"
    files.write_all(folder, rendered)
    if current:
        before = places.CURRENT.resolve()
        point(places.CURRENT, folder)
        for other in set(places.NGINX.iterdir()) - {places.CURRENT, folder, before}:
            files.remove(other)
    return f"nginx's configuration: {folder}"


def point(link: Path, folder: Path) -> None:
    """Change a link in one step."""
    new = link.with_name(f".{link.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(folder.name)
    new.replace(link)
