"""`./parley up`: the steps, in order."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from deploy.effects import commands, files, processes
from deploy.errors import BadInputError, StackError
from deploy.model import capacity, listening, rules
from deploy.model.config import Config
from deploy.model.hosts import LOOPBACK
from deploy.model.release import release
from deploy.stacks import authority, certificate, own_key, ports
from deploy.stacks.local import (
    announce,
    application,
    applications,
    binaries,
    examine,
    limits,
    lock,
    plan,
    prepare,
    readiness,
    secret,
    state,
    store,
    told,
    unused,
)
from deploy.stacks.local.application import Facts
from deploy.stacks.local.console import Console
from deploy.stacks.local.layout import Layout
from deploy.stacks.local.plan import Plan
from deploy.stacks.local.supervisor import Supervisor
from deploy.text import project, render, run
from deploy.text.environment import clean

READY_SECONDS = 90.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def up(config: Config, layout: Layout) -> None:
    """Run the stack until a signal ends it; raise BadInputError before anything is made, StackError after."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a script's background job starts with it ignored
    patience = max([config.stop.kill_seconds, *(one.grace for one in run.beside(config))])
    size = capacity.capacity(config, limits.raise_open_files())
    rules.require(config, size)
    render.quoted(str(layout.dir))
    if not config.is_own:
        application.require(config, layout.dir)
    nginx = binaries.nginx()
    authority.look(config)
    certificate.look(layout)
    lock.wait_until_free(layout, patience=patience)
    site = config.site
    listen, http_listen, proxied_listen = (
        ports.available(listening.wanted(config), port) if port else ()
        for port in (site.port, site.redirect_port, site.proxy_port)
    )
    metrics_ports = ports.metrics(config.app.metrics_port, config.app.instances)
    layout.make()
    with lock.held(layout, patience=patience) as inherit:
        console = Console()
        console.say("up", f"preparing {layout.dir}")
        files.remove(layout.moving)
        for line in unused.lines(config):
            console.say("up", line)
        served = applications.make(config, layout, partial(console.say, "up"))
        redis = (
            binaries.redis(layout, partial(console.say, "up"))
            if config.brings_redis
            else binaries.NoRedis("parley.toml names one")
        )
        port = _store(config, redis)
        found = Plan(
            config,
            layout,
            size,
            nginx,
            redis,
            listen,
            metrics_ports,
            release(),
            served,
            http_listen,
            proxied_listen,
            port,
        )
        found = examined(found, partial(console.say, "up"))
        make_files(found)
        try:
            asyncio.run(Run(found, console, inherit).until_signal())
        finally:
            layout.clear_run()


def _store(config: Config, redis: Path | binaries.NoRedis) -> int:
    """Return a port for the Redis that keeps, where the project asks for it."""
    if not project.keeps(config):
        return 0
    if isinstance(redis, binaries.NoRedis):
        raise BadInputError(f"project.env asks for {project.REDIS_URL}, and there is no Redis: {redis.reason}")
    return ports.metrics(0, 1)[0]


def examined(found: Plan, say: Callable[[str], object]) -> Plan:
    """Make the key and the passwords, and look at a project; raise BadInputError for one that cannot be served."""
    layout = found.layout
    secret.ensure(layout)
    if found.store_port:
        store.ensure(layout, found.store_port)
    if found.application.is_own:
        return found
    is_new = application.last(layout) is None
    facts = asyncio.run(examine.examine(found.application, told.app_environment(found, os.environ), say))
    if is_new:
        alone = told.app_environment(found, own_key.environment(os.environ))
        secret.take(found.config, layout, found.application, alone, say)
    application.remember(layout, facts)
    for line in application.unserved(found.config, facts):
        say(line)
    return replace(found, application=application.of(found.config, layout, found.application.python, facts))


def make_files(found: Plan) -> None:
    """Make certificate and nginx's configuration, and let nginx check it."""
    layout = found.layout
    certificate.ensure(layout, [*LOOPBACK, *found.config.site.names])
    if certificate.is_an_authoritys(layout.certificate.read_bytes()):
        files.write(layout.authority, render.AUTHORITY)
    else:
        files.remove(layout.authority)
    texts = render.nginx(found.config, plan.nginx_site(found))
    files.write_all(layout.nginx, texts)
    for name in render.nginx_names() - texts.keys():
        files.remove(layout.nginx / name)
    files.rotate(layout.log / "access.log")
    checked = commands.run(plan.nginx_command(found, "-t"))
    if checked.status != 0:
        raise StackError(f"nginx refuses its configuration:\n{checked.output}")


@dataclass
class Run:
    """One run of the stack."""

    plan: Plan
    console: Console
    inherit: int

    async def until_signal(self) -> None:
        """Start, wait for a signal, stop. A second signal stops without grace."""
        loop = asyncio.get_running_loop()
        asked = asyncio.Event()
        processes.adopt_orphans()
        supervisor = Supervisor(self.console.say, self.inherit)
        for number in STOP_SIGNALS:
            if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue  # nohup
            loop.add_signal_handler(number, self._signalled, asked, supervisor)
        starting = asyncio.create_task(self.start(supervisor))
        waiting = asyncio.create_task(asked.wait())
        try:
            await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await waiting
        finally:
            starting.cancel()
            waiting.cancel()
            with suppress(asyncio.CancelledError, Exception):  # raised above already, or a signal came first
                await starting
            await self.stop(supervisor)

    def _signalled(self, asked: asyncio.Event, supervisor: Supervisor) -> None:
        if asked.is_set():
            supervisor.kill()
        asked.set()

    async def start(self, supervisor: Supervisor) -> None:
        """Start everything in order, wait until it is ready, and say so."""
        found = self.plan
        basic = clean(os.environ)
        if found.redis_socket is not None:
            supervisor.start(plan.redis_service(found, basic))
        if found.store_port:
            supervisor.start(plan.store_service(found, basic))
        await self.prepare(supervisor)
        found = self.plan
        for name in found.names:
            env = told.app_environment(found, os.environ, name)
            supervisor.start(plan.instance_service(found, name, env))
        supervisor.start(plan.nginx_service(found, basic))
        await supervisor.ready(self.answers())
        for name in found.beside:
            supervisor.start(plan.beside_service(found, name, told.app_environment(found, os.environ, name)))
        supervisor.changed = lambda: self.write_state(supervisor)
        self.write_state(supervisor)
        for line in announce.ready(found):
            self.console.say("up", line)

    async def prepare(self, supervisor: Supervisor) -> None:
        """Run the release commands, and collect the static files."""
        found = self.plan
        say = partial(self.console.say, "up")
        env = told.app_environment(found, os.environ)
        if found.application.is_own:
            released = prepare.release(found.config, found.application, env, say)
            await asyncio.gather(released, prepare.static(env, found.layout))
            return
        if found.store_port:  # a command may use it
            await supervisor.ready(asyncio.wait_for(readiness.port(found.store_port), READY_SECONDS))
        await prepare.release(found.config, found.application, env, say)
        facts = application.last(found.layout) or Facts()
        if facts.has_static:
            is_hashed = await prepare.collect(found.application, env, say)
            application.remember(found.layout, replace(facts, is_hashed=is_hashed))
            self.plan = replace(found, application=replace(found.application, is_hashed=is_hashed))

    async def answers(self) -> None:
        """Wait for every instance by itself, then for the site through nginx; raise StackError after READY_SECONDS."""
        found = self.plan
        waits = [readiness.instance(found.instance_socket(name)) for name in found.names]
        if found.redis_socket is not None:
            waits.append(readiness.socket(found.redis_socket))
        address = found.listen[0].rpartition(":")[0].strip("[]").replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        try:
            async with asyncio.timeout(READY_SECONDS):
                await asyncio.gather(*waits)
                shown = certificate.der(found.layout) if found.config.site.has_tls else None
                await readiness.site(address, found.config.site.port, shown)
        except TimeoutError:
            raise StackError(f"the stack was not ready after {READY_SECONDS:g} s: the lines above say why") from None

    async def stop(self, supervisor: Supervisor) -> None:
        """Stop nginx's listeners and the instances together, for nginx ends when their sockets have; then Redis.

        What a project has beside its instances ends with them: it may use Redis to its end.
        """
        self.console.say("up", "stopping")
        supervisor.changed = lambda: None
        await supervisor.stop([["nginx", *self.plan.names, *self.plan.beside], ["redis", "store"]])
        self.console.say("up", "stopped")

    def write_state(self, supervisor: Supervisor) -> None:
        """Write down what runs where."""
        found = self.plan
        pids = {name: member.pid for name, member in supervisor.members.items()}
        socket = found.redis_socket
        instances = [
            state.Instance(name, pids[name], str(found.instance_socket(name)), found.metrics(name))
            for name in found.names
        ]
        state.write(
            found.layout,
            state.State(
                url=found.config.site.origin("localhost") + "/",
                port=found.config.site.port,
                tls=found.config.site.has_tls,
                layer=found.layer_url,
                up_pid=os.getpid(),
                nginx_pid=pids["nginx"],
                redis_pid=pids.get("redis"),
                redis_socket=str(socket) if socket else None,
                instances=instances,
                store_port=found.store_port,
                store_pid=pids.get("store"),
                beside=[
                    state.Beside(name, pids[name], bool(supervisor.members[name].quick_deaths)) for name in found.beside
                ],
            ),
        )
