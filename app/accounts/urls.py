"""The way in and out."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("login/", views.LogIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("signup/", views.SignUp.as_view(), name="signup"),
    path("password/", views.Password.as_view(), name="password"),
    path("ticket/", views.ticket, name="ticket"),
    path("guest/", views.Guest.as_view(), name="guest"),
]
