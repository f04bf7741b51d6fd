from asgiref.sync import async_to_sync
from channels.consumer import SyncConsumer
from channels.generic.websocket import JsonWebsocketConsumer

from .models import Print

DESK = "desk"


class DeskConsumer(JsonWebsocketConsumer):
    """Hands texts in, and hears when they are printed: its own, and everybody's."""

    groups = [DESK]

    def receive_json(self, content):
        message = {"type": "print.text", "text": content["text"], "reply_channel": self.channel_name}
        async_to_sync(self.channel_layer.send)("prints", message)

    def print_done(self, event):
        self.send_json({"mine": event["number"]})

    def desk_printed(self, event):
        self.send_json({"printed": event["number"], "text": event["text"]})


class PrintConsumer(SyncConsumer):
    """Prints, in the worker."""

    def print_text(self, message):
        made = Print.objects.create(text=message["text"].upper())
        if message.get("reply_channel"):
            async_to_sync(self.channel_layer.send)(
                message["reply_channel"], {"type": "print.done", "number": made.pk}
            )
        async_to_sync(self.channel_layer.group_send)(
            DESK, {"type": "desk.printed", "number": made.pk, "text": made.text}
        )
