from urllib.parse import parse_qs

from channels.db import database_sync_to_async


@database_sync_to_async
def find(key):
    from rooms.models import Token

    return Token.objects.filter(key=key).first()


class TokenAuthMiddleware:
    """?token=... of the handshake -> scope["token"], or None."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        query = parse_qs(scope["query_string"].decode())
        key = query.get("token", [""])[0]
        scope["token"] = await find(key)
        return await self.app(scope, receive, send)
