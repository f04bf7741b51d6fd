"""Every page."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

handler400 = "chat.errors.bad_request"
handler403 = "chat.errors.forbidden"
handler404 = "chat.errors.not_found"
handler500 = "chat.errors.server_error"
urlpatterns = [
    path("accounts/", include("accounts.urls")),
    # Ours counts guesses of the old password; Django's own for the staff takes any number of them.
    path("admin/password_change/", RedirectView.as_view(pattern_name="accounts:password")),
    path("admin/", admin.site.urls),
    path("", include("chat.urls")),
]
