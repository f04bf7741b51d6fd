from django.urls import path

from .consumers import RoomConsumer

urlpatterns = [
    path("<slug:room>/live/", RoomConsumer.as_asgi()),
]
