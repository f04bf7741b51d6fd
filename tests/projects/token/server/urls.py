from django.urls import path
from rooms import views

urlpatterns = [
    path("", views.home),
    path("api/token/", views.make_token),
    path("rooms/<slug:room>/", views.room),
]
