"""docker-compose.prod.yml, for any host; what is of one host stands in its .env."""

import json
from pathlib import Path
from typing import Any

from deploy.model import rules
from deploy.model.capacity import Capacity, declared
from deploy.model.config import Config
from deploy.text import readback, render
from deploy.text.compose import folders, places, site, words
from deploy.text.project import keeps
from deploy.text.readback import Facts, NginxFacts
from deploy.text.render import ComposeSite

FILE = "docker-compose.prod.yml"
OWNER = "${{PWD:-port ${{PARLEY_PORT:-{port}}}}}"  # the folder where the operator stands, which sudo does not say
SECRET: dict[str, Any] = {"database": {"url"}, "redis": {"url", "password", "sentinel_password"}}
CHAT: dict[str, Any] = {**SECRET, "project": True}  # the image has the chat, and `setup` does not ask
# Everybody who asks Docker reads variables, so `env` is in a file; no process reads `drill`, which may change meanwhile
PROJECT: dict[str, Any] = {**SECRET, "project": {"env", "drill"}}
INDEX = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")  # handed on to the build, where the shell has them
REDIS_FILES = 4096  # a few for each process; of .env it depends in nothing, or a change there would restart it
CONTEXT = "context"  # beside a project's file
PRIVATE = "parley-env"  # there too: the folder is its owner's, and what is in it a container's user can read
VARIABLES = "env.json"


def compose_file(config: Config, env: str = "compose", home: Path | None = None) -> str:
    """Return the text; raise BadInputError for a rule that does not hold. A project's file lies in `home`."""
    site.require(config)
    size = declared(config)
    rules.require(config, size, "compose")
    left_out = CHAT if config.is_own else PROJECT
    model = folders.within(config).model_dump_json(indent=2, exclude=left_out).replace("$", "$$")
    host = ComposeSite(
        env=env,
        model=model,
        environment=site.app(config, size),
        user=places.USER,
        folders=places.FOLDERS,
        port=places.WEB,
        edge=(places.HTTPS, places.HTTP, places.PROXIED),
        asked=_asked(config),
        metrics=site.metrics(config),
        prometheus=places.PROMETHEUS_PORT,
        redis_files=min(REDIS_FILES, config.limits.open_files),
        owner=OWNER.format(port=config.site.port) if home is None else str(home).replace("$", "$$"),
        build=f"{{context: {'.' if home is None else CONTEXT}, args: [{', '.join(INDEX)}]}}",
        deploy=words.of(config).deploy,
        migrate=words.release(config),
        cleanup=words.cleanup(config),
        mounts=site.mounts(config),
        runs_postgres=config.brings_postgres and not site.is_sqlite(config),
        data=str(places.DATA) if site.is_sqlite(config) else "",
        variables=f"./{PRIVATE}/{VARIABLES}" if config.project.env and not config.is_own else "",
        probe=words.probe(config),
        media="" if config.is_own else folders.media(config),
        written={} if config.is_own else folders.written(config),
        keeps=not config.is_own and keeps(config),
        outside=not config.is_own and config.project.sandbox.internet,
        home="" if config.is_own else folders.inside(config, config.project.path),
        processes=[] if config.is_own else words.processes(config),
    )
    return render.compose(config, size, host)[FILE]


def variables(config: Config) -> str:
    """Return [project.env] as `setup` reads it: a value that is written out may be a password."""
    return json.dumps(config.project.env, indent=2) + "\n"


def nginx(config: Config) -> dict[str, str]:
    """Return nginx's files as `setup` writes them without a .env; raise BadInputError for a rule that does not hold."""
    size = declared(config)
    rules.require(config, size, "compose")
    return render.nginx(config, site.nginx(config, size))


def read(config: Config, size: Capacity) -> Facts:
    """Render everything, and read it back as Compose and nginx will where there is no .env."""
    written = {f"{readback.PREFIX}{name.upper()}": text for name, text in site.files(config, size).items()}
    return Facts(
        app=readback.compose(compose_file(config), written),
        nginx=NginxFacts.of(render.nginx(config, site.nginx(config, size))),
    )


def _asked(config: Config) -> list[str]:
    """Give the probe's options; the port may still be another one by .env, unless people open another proxy's."""
    if not config.site.has_tls:
        return ["--site", config.site.origin("localhost"), "--edge", f"edge:{places.BESIDE}", "--plain"]
    site = f"https://localhost:${{PARLEY_PORT:-{config.site.port}}}"
    return ["--site", config.site.origin("localhost") if config.site.public else site, "--edge", f"edge:{places.HTTPS}"]
