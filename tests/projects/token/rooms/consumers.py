from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from .models import Post


class WithToken(AsyncJsonWebsocketConsumer):
    async def connect(self):
        if self.scope["token"] is None:
            await self.close(code=4001)
            return
        await self.channel_layer.group_add(self.group(), self.channel_name)
        await self.accept()

    async def disconnect(self, code):
        await self.channel_layer.group_discard(self.group(), self.channel_name)


class RoomConsumer(WithToken):
    def group(self):
        return "room." + self.scope["url_route"]["kwargs"]["room"]

    async def receive_json(self, content):
        room = self.scope["url_route"]["kwargs"]["room"]
        body = content["body"]
        await self.store(room, body)
        message = {"room": room, "author": self.scope["token"].name, "body": body}
        await self.channel_layer.group_send(self.group(), {"type": "post", "message": message})
        await self.channel_layer.group_send("notices", {"type": "notice", "room": room})

    @database_sync_to_async
    def store(self, room, body):
        Post.objects.create(room=room, author=self.scope["token"], body=body)

    async def post(self, event):
        await self.send_json(event["message"])


class NoticeConsumer(WithToken):
    def group(self):
        return "notices"

    async def notice(self, event):
        await self.send_json({"room": event["room"]})
