"""People in the admin: who may change whom, and who may ban."""

import logging
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.forms import AdminLogInForm
from accounts.models import User
from accounts.services import person_ban

log = logging.getLogger(__name__)

RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")

admin.site.login_form = AdminLogInForm  # Django's own counts no tries, and knows of no ban
admin.site.unregister(Group)


def is_above(person: User | None, user: Any) -> bool:
    """Say whether this person is of the staff, of whom only a superuser disposes: whose password one sets, one is."""
    return person is not None and (person.is_staff or person.is_superuser) and not user.is_superuser


@admin.register(User)
class PersonAdmin(UserAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """Django's own user pages, with the name others read, and who is a guest or banned."""

    list_display = ("username", "name", "guest", "banned", "is_staff", "last_login")
    list_filter = ("guest", "banned", "is_staff", "is_active")
    search_fields = ("username", "name", "email")
    fieldsets: ClassVar = [*(UserAdmin.fieldsets or ()), (_("Chat"), {"fields": ("name", "guest", "banned")})]
    readonly_fields = ("guest",)
    filter_horizontal = ()
    actions = ("ban", "let_in")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Let a superuser alone give rights: whoever else could would give them to themselves."""
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if _is_superuser(request) else (*fields, *RIGHTS)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Leave the staff to superusers, their passwords too."""
        return super().has_change_permission(request, obj) and not is_above(obj, request.user)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """The same."""
        return super().has_delete_permission(request, obj) and not is_above(obj, request.user)

    def has_ban_permission(self, request: HttpRequest) -> bool:
        """Say whether the list offers the actions: to moderators, who may change nobody."""
        return request.user.has_perm("accounts.ban_user")

    @admin.action(permissions=["ban"], description=_("Ban the selected people"))
    def ban(self, request: HttpRequest, people: QuerySet[User]) -> None:
        """Shut them out, everywhere and at once."""
        self._set_banned(request, people, banned=True)

    @admin.action(permissions=["ban"], description=_("Let the selected people in again"))
    def let_in(self, request: HttpRequest, people: QuerySet[User]) -> None:
        """End their bans."""
        self._set_banned(request, people, banned=False)

    def _set_banned(self, request: HttpRequest, people: QuerySet[User], *, banned: bool) -> None:
        done = 0
        for person in people.exclude(banned=banned):
            if person == request.user or is_above(person, request.user):
                refused = _("Nothing changed for %(name)s: only a superuser bans staff, and nobody themselves.")
                self.message_user(request, refused % {"name": person}, messages.WARNING)
                continue
            person_ban(person=person, banned=banned)
            self.log_change(request, person, [{"changed": {"fields": [str(_("banned"))]}}])
            log.info("person %s is %s by person %s", person.pk, "banned" if banned else "let in", request.user.pk)
            done += 1
        changed = ngettext("%(count)d person changed.", "%(count)d people changed.", done)
        self.message_user(request, changed % {"count": done}, messages.SUCCESS)


@admin.register(Group)
class RightsAdmin(GroupAdmin):
    """Django's own pages of groups, which are rights as well."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only a superuser."""
        return _is_superuser(request) and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """Only a superuser."""
        return _is_superuser(request) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """Only a superuser."""
        return _is_superuser(request) and super().has_delete_permission(request, obj)


def _is_superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))
