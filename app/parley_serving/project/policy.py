"""`upgrade-insecure-requests` for pages without a policy of their own: with it a page's `ws://` is `wss://`."""

from typing import Any

POLICY = (b"content-security-policy", b"upgrade-insecure-requests")


class UpgradePolicy:
    """ASGI middleware: adds the header to HTML over https; bodies pass through as they come."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Look at the head of each answer."""
        if scope["type"] != "http" or scope.get("scheme") != "https":
            await self.application(scope, receive, send)
            return

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                if _is_page(headers):
                    message = {**message, "headers": [*headers, POLICY]}
            await send(message)

        await self.application(scope, receive, sending)


def _is_page(headers: list[tuple[bytes, bytes]]) -> bool:
    """Tell whether these are of HTML that says nothing of what it may load."""
    found = {bytes(name).lower(): bytes(value) for name, value in headers}
    return found.get(b"content-type", b"").lower().startswith(b"text/html") and POLICY[0] not in found
