from channels.routing import URLRouter
from django.urls import path
from rooms.consumers import NoticeConsumer
from rooms.routing import urlpatterns

websockets = URLRouter([
    path("rooms/", URLRouter(urlpatterns)),
    path("socket/notices/", NoticeConsumer.as_asgi()),
])
