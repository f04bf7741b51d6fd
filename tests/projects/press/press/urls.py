from django.urls import path
from prints import views

urlpatterns = [
    path("", views.desk),
    path("texts/", views.hand_in),
]
