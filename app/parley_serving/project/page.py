"""A project's own word for health: a path of it that answers 200, asked inside the process."""

import asyncio
from typing import Any

from parley_serving.environment import Environment

OK = 200


class Page:
    """Asks the application for its health path as nginx would, for the first of the site's names."""

    def __init__(self, application: Any, env: Environment) -> None:
        self.application = application
        self.path = env.health
        self.host = env.hosts[0] if env.hosts else "localhost"

    async def ask(self) -> dict[str, str]:
        """Return its word; the caller bounds the time."""
        status = 0
        is_asked = False

        async def receive() -> Any:
            nonlocal is_asked
            if is_asked:
                await asyncio.Event().wait()  # nobody goes away: the application ends what still waits for it
            is_asked = True
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]

        try:
            await self.application(self._scope(), receive, send)
        except Exception as error:  # noqa: BLE001 (whatever a project raises: it is not well)
            return {"page": f"down: {type(error).__name__}"}
        return {"page": "ok" if status == OK else f"answers {status}"}

    def _scope(self) -> dict[str, Any]:
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "https",
            "path": self.path,
            "raw_path": self.path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(b"host", self.host.encode()), (b"x-forwarded-proto", b"https")],
            "client": ("127.0.0.1", 0),
            "server": (self.host, 443),
            "extensions": {},
        }
