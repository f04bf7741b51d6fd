from clock import views
from django.urls import path

urlpatterns = [
    path("", views.page),
    path("events/", views.events),
]
