from books import views
from django.urls import path

urlpatterns = [
    path("", views.shelf),
    path("books/", views.upload),
    path("words/<str:name>/", views.words),
]
