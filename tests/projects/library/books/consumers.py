from channels.generic.websocket import AsyncJsonWebsocketConsumer

from .live import SHELF, book_group


class LiveConsumer(AsyncJsonWebsocketConsumer):
    async def connect(self):
        pk = self.scope["url_route"]["kwargs"].get("pk")
        self.group = SHELF if pk is None else book_group(pk)
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code):
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def told(self, event):
        await self.send_json(event["message"])
