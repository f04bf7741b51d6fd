"""`./parley render compose`: docker-compose.prod.yml, for any host; what is of one host stands in its .env."""

import hashlib
from pathlib import Path

from deploy import facts, files, render, rules
from deploy.capacity import Capacity, declared
from deploy.config import Config
from deploy.facts import Facts, NginxFacts
from deploy.render import ComposeSite
from deploy.stacks.compose import places, site

FILE = "docker-compose.prod.yml"
READABLE = 0o644  # it holds no secret
SECRET = {"database": {"url"}, "redis": {"url", "password", "sentinel_password"}}


def compose_file(config: Config, env: str = "compose") -> str:
    """Return the text; raise BadInputError for a rule that does not hold."""
    size = declared(config)
    rules.require(config, size, "compose")
    model = config.model_dump_json(indent=2, exclude=SECRET).replace("$", "$$")
    host = ComposeSite(
        env=env,
        model=model,
        digest=hashlib.sha256(model.encode()).hexdigest()[:8],
        environment=site.app(config, size),
        user=places.USER,
        folders=places.FOLDERS,
        port=places.WEB,
        edge=(places.HTTPS, places.HTTP),
        metrics=site.metrics(config),
        prometheus=places.PROMETHEUS_PORT,
    )
    return render.compose(config, size, host)[FILE]


def write(config: Config, env: str, out: Path) -> None:
    """Write it into a folder."""
    files.make_folder(out)
    files.write(out / FILE, compose_file(config, env), READABLE)


def nginx(config: Config) -> dict[str, str]:
    """Return nginx's files as `setup` writes them without a .env; raise BadInputError for a rule that does not hold."""
    size = declared(config)
    rules.require(config, size, "compose")
    return render.nginx(config, site.nginx(config, size))


def read(config: Config, size: Capacity) -> Facts:
    """Render everything, and read it back as Compose and nginx will where there is no .env."""
    written = {f"{facts.PREFIX}{name.upper()}": text for name, text in site.files(config, size).items()}
    return Facts(
        app=facts.compose(compose_file(config), written),
        nginx=NginxFacts.of(render.nginx(config, site.nginx(config, size))),
    )
