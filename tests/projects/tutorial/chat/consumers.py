import json

from asgiref.sync import async_to_sync
from channels.generic.websocket import WebsocketConsumer

from .models import Message


class ChatConsumer(WebsocketConsumer):
    def connect(self):
        self.room_name = self.scope['url_route']['kwargs']['room_name']
        self.group = 'chat_%s' % self.room_name
        async_to_sync(self.channel_layer.group_add)(self.group, self.channel_name)
        self.accept()

    def disconnect(self, close_code):
        async_to_sync(self.channel_layer.group_discard)(self.group, self.channel_name)

    def receive(self, text_data):
        text = json.loads(text_data)['message']
        Message.objects.create(room=self.room_name, text=text)
        async_to_sync(self.channel_layer.group_send)(
            self.group, {'type': 'chat_message', 'message': text}
        )

    def chat_message(self, event):
        self.send(text_data=json.dumps({'message': event['message']}))
