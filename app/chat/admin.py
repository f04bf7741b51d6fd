"""Rooms and their logs in the admin."""

from typing import ClassVar

from django.contrib import admin
from django.http import HttpRequest

from chat.models import Entry, Membership, Room


class MemberInline(admin.TabularInline):  # type: ignore[type-arg]  # generic in the stubs alone
    """Who belongs to the room."""

    model = Membership
    raw_id_fields = ("user",)  # a list of every person would not fit a page
    extra = 1


@admin.register(Room)
class RoomAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """Rooms: what they are called, who may enter."""

    list_display = ("title", "slug", "kind", "guests", "head")
    list_filter = ("kind", "guests")
    search_fields = ("title", "slug")
    readonly_fields = ("head", "epoch")
    inlines: ClassVar = [MemberInline]


@admin.register(Entry)
class EntryAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """The log, to read: what is written in it is never changed from here."""

    list_display = ("room", "seq", "kind", "author_name", "text", "at")
    list_filter = ("kind",)
    search_fields = ("text", "author_name")
    list_select_related = ("room",)
    show_full_result_count = False  # counting a long log takes longer than reading a page of it

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 (Django's signature)
        """Nobody writes here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Entry | None = None) -> bool:  # noqa: ARG002 (Django's signature)
        """Nobody changes here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Entry | None = None) -> bool:  # noqa: ARG002 (Django's signature)
        """Nobody deletes here, nor a room that has a log."""
        return False
