"""Every page."""

from django.contrib import admin
from django.urls import include, path

handler400 = "chat.errors.bad_request"
handler500 = "chat.errors.server_error"
urlpatterns = [
    path("accounts/", include("accounts.urls")),
    path("admin/", admin.site.urls),
    path("", include("chat.urls")),
]
