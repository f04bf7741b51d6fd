"""People in the admin."""

from typing import ClassVar

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.utils.translation import gettext_lazy as _

from accounts.forms import AdminLogInForm
from accounts.models import User

admin.site.login_form = AdminLogInForm  # Django's own counts no tries, and knows of no ban


@admin.register(User)
class PersonAdmin(UserAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """Django's own user pages, with the name others read, and who is a guest or banned."""

    list_display = ("username", "name", "guest", "banned", "is_staff", "last_login")
    list_filter = ("guest", "banned", "is_staff", "is_active")
    search_fields = ("username", "name", "email")
    fieldsets: ClassVar = [*(UserAdmin.fieldsets or ()), (_("Chat"), {"fields": ("name", "guest", "banned")})]
    readonly_fields = ("guest",)
    filter_horizontal = ()
