"""The tutorial's asynchronous consumer."""

import json
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from deploy.operations.bench.servers.tutorial.models import Message


class ChatConsumer(AsyncWebsocketConsumer):
    """A room is a group; what one sends goes to the group, and from there to each."""

    async def connect(self) -> None:
        """Join the group that the path names."""
        self.room = self.scope["url_route"]["kwargs"]["room"]
        self.group = f"chat_{self.room}"
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:  # noqa: ARG002 (the name that Channels calls it by)
        """Leave the group."""
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:  # noqa: ARG002
        """Send it to the group; for `rooms`, store it first."""
        message = json.loads(text_data or "")["message"]
        if settings.STORES:  # type: ignore[misc]  # the plugin knows Parley's settings alone
            await Message.objects.acreate(  # type: ignore[attr-defined]  # the same
                room=self.room, author=self.scope["user"], text=message
            )
        await self.channel_layer.group_send(self.group, {"type": "chat.message", "message": message})

    async def chat_message(self, event: dict[str, Any]) -> None:
        """Write one message of the group to this socket."""
        await self.send(text_data=json.dumps({"message": event["message"]}))
