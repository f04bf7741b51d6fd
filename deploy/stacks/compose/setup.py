"""`python -m deploy setup`: what the one-shot service of docker-compose.prod.yml does before anything else starts.

It may run again at any time: what is secret is made once, the rest is written anew.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy import files, monitoring, render, rules
from deploy.capacity import Capacity, capacity
from deploy.config import Config
from deploy.stacks import static
from deploy.stacks.compose import places, secrets, site, tls, variables

STACK = "compose"


def setup(given: Mapping[str, str], only: str | None = None) -> Iterator[str]:
    """Fill the volumes, saying what was done; `only` is one part of it, for a rollout."""
    config = variables.config(given, places.TOML)
    size = fitting(config)
    release = places.RELEASE.read_text(encoding="ascii").strip()
    # For a rollout too: at its end all of it runs again.
    whose, wrong = (None, "") if only == "static" else tls.check(given)
    os.umask(0o027)  # the group reads: postgres and prometheus are not the image's user
    if wrong:
        yield f"warning: {wrong}"
    if only is None and whose:
        yield tls.ensure(whose, config)
    if only in (None, "nginx"):
        yield nginx(config, size, release, current=only is None)
    if only in (None, "static"):
        static.add(places.COLLECTED, places.STATIC, release)
        yield f"static files of {release}: added to those of the release before"
    if only is None:
        static.serves(places.STATIC, release)
        for name, text in {**secrets.fill(config), **site.files(config, size)}.items():
            files.write(places.APP / name, text, secrets.READABLE)
        yield f"{size.sockets} sockets each for {config.app.instances} replicas, {size.open_files} open files"
        places.CHALLENGES.mkdir(parents=True, exist_ok=True)
        for name, text in monitoring.rendered(config, size, monitoring.of_compose(config)).items():
            files.write(places.PROMETHEUS / name, text, secrets.READABLE)
        yield f"Prometheus's configuration: a scrape every {config.monitoring.scrape_seconds} s"


def fitting(config: Config) -> Capacity:
    """Fit app.sockets to the replicas and open files of .env; raise BadInputError for a rule that does not hold."""
    size = capacity(config, config.limits.open_files)
    rules.require(config, size, STACK)
    return size


def nginx(config: Config, size: Capacity, release: str, *, current: bool) -> str:
    """Write nginx's files into the release's own folder, and have the edge begin with it next time."""
    folder = places.NGINX / release
    files.write_all(folder, render.nginx(config, site.nginx(config, size)))
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
