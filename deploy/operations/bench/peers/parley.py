"""Parley as `./parley up` runs it, with the limits raised."""

import os
from dataclasses import replace
from typing import ClassVar

from deploy.operations.bench.options import LONG
from deploy.operations.bench.peers import django
from deploy.operations.bench.peers.peer import Peer
from deploy.stacks.local import plan, prepare, told
from deploy.stacks.local.supervised import Service


class Parley(Peer):
    """Every message stored before it is sent."""

    name: ClassVar[str] = "parley"

    async def prepare(self) -> None:
        """Bring the database to its schema, and fill it with people and rooms."""
        self.make()
        async with self.storage():
            await prepare.database(self._env)
            if self.options.workload == "attack":  # no other one loads pages
                await prepare.static(self._env, self.layout)
            seeding = self._env | {
                "DJANGO_SETTINGS_MODULE": "config.settings.production",
                "PYTHONPATH": str(prepare.APP),
            }
            self.cookies = await django.cookies(
                people=self.options.people,
                rooms=self.options.rooms,
                messages=LONG if self.options.workload == "attack" else 0,
                env=seeding,
                cwd=prepare.APP,
            )

    def instance(self, name: str) -> Service:
        """Give one gunicorn."""
        service = plan.instance_service(self.plan, name, self._env)
        return replace(service, env={**service.env, "PARLEY_BIND": self.bind(name)})

    @property
    def _env(self) -> dict[str, str]:
        env = told.app_environment(self.plan, os.environ)
        if self.database != "sqlite":
            env["PARLEY_DATABASE_URL"] = self.postgres.url(self.name)
        return env
