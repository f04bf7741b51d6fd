"""The pages of the chat."""

from django.urls import path
from django.views.i18n import set_language

from chat import views

app_name = "chat"
urlpatterns = [
    path("", views.rooms, name="rooms"),
    path("rooms/", views.room_new, name="room_new"),
    path("rooms/direct/", views.direct, name="direct"),
    path("rooms/<slug:slug>/", views.room, name="room"),
    path("rooms/<slug:slug>/members/", views.members, name="members"),
    path("language/", set_language, name="language"),
]
