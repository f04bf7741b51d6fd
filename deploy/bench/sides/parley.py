"""Parley as `./parley up` runs it, with the limits raised."""

import os
from dataclasses import replace
from typing import ClassVar

from deploy.bench.sides import django
from deploy.bench.sides.side import Side
from deploy.stacks.local import plan, prepare
from deploy.stacks.local.process import Service


class Parley(Side):
    """Every message stored before it is sent."""

    name: ClassVar[str] = "parley"

    async def prepare(self) -> None:
        """Bring the database to its schema, and fill it with people and rooms."""
        self.make()
        async with self.storage():
            await prepare.database(self._env)
            seeding = self._env | {
                "DJANGO_SETTINGS_MODULE": "config.settings.production",
                "PYTHONPATH": str(prepare.APP),
            }
            self.cookies = await django.cookies(
                people=self.options.people, rooms=self.options.rooms, env=seeding, cwd=prepare.APP
            )

    def instance(self, name: str) -> Service:
        """Give one gunicorn."""
        service = plan.instance_service(self.plan, name, self._env)
        return replace(service, env={**service.env, "PARLEY_BIND": self.bind(name)})

    @property
    def _env(self) -> dict[str, str]:
        env = plan.app_environment(self.plan, os.environ)
        if self.database != "sqlite":
            env["PARLEY_DATABASE_URL"] = self.postgres.url(self.name)
        return env
