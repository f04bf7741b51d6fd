"""The pages of the chat: each asks a selector or calls one service, and shows a template."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.requests import PersonRequest
from chat import selectors, services
from chat.forms import DirectForm, FindForm, MemberForm, PersonForm, RoomForm
from chat.models import Room
from chat.phrases import phrases


@require_safe
@login_required
def rooms(request: PersonRequest) -> HttpResponse:
    """List the rooms one may enter, with the forms that make new ones."""
    return _rooms_page(request)


@login_required
def room_new(request: PersonRequest) -> HttpResponse:
    """Make a room, for people who signed up; an address typed by hand leads to the list."""
    if request.method != "POST":
        return redirect("chat:rooms")
    _must_have_signed_up(request, _("Only people who signed up make rooms."))
    form = RoomForm(request.POST)
    if not form.is_valid():
        return _rooms_page(request, status=400, room_form=form)
    kind = Room.Kind(form.cleaned_data["kind"])
    try:
        room = services.room_create(title=form.cleaned_data["title"], kind=kind, creator=request.user)
    except selectors.NotAllowed as refusal:
        raise PermissionDenied(_("Only people who signed up make rooms.")) from refusal
    except services.TooMany:
        form.add_error(None, _too_many())
        return _rooms_page(request, status=429, room_form=form)
    return redirect("chat:room", room.slug)


@login_required
def direct(request: PersonRequest) -> HttpResponse:
    """Open the room of two people: the other one is given by id and name (`user`) or by username (`username`)."""
    if request.method != "POST":
        return redirect("chat:rooms")
    _must_have_signed_up(request, _("A direct room is for two people who signed up."))
    by_id = "user" in request.POST
    form = DirectForm(request.POST) if by_id else PersonForm(request.POST)
    if not form.is_valid():
        if by_id:
            raise PermissionDenied(_("A direct room is for two people who signed up."))
        return _rooms_page(request, status=400, person_form=form)
    try:
        room = services.room_direct_open(opener=request.user, other=form.person)
    except selectors.NotAllowed as refusal:
        raise PermissionDenied(_("A direct room is for two people who signed up.")) from refusal
    except services.TooMany:
        form.add_error(None, _too_many())
        return _rooms_page(request, status=429, person_form=form)
    return redirect("chat:room", room.slug)


@require_safe
@login_required
def room(request: PersonRequest, slug: str) -> HttpResponse:
    """Show one room; the page's modules fill it over the websocket."""
    return _room_page(request, _find(request, slug))


@login_required
def members(request: PersonRequest, slug: str) -> HttpResponse:
    """Let somebody into a members-only room, or take them out of it."""
    if request.method != "POST":
        return redirect("chat:room", slug)
    _must_have_signed_up(request, _("Only members change who belongs to a room."))
    room = _find(request, slug)
    if not selectors.room_has_member(room, request.user):
        raise PermissionDenied(_("Only members change who belongs to a room."))
    form = MemberForm(request.POST, room=room)
    if not form.is_valid():
        return _room_page(request, room, status=400, member_form=form)
    change = services.room_member_add if form.cleaned_data["action"] == "add" else services.room_member_remove
    try:
        change(room=room, by=request.user, user=form.person)
    except selectors.NotAllowed as refusal:
        raise PermissionDenied(_("Members let others in; only the keeper of a room takes others out.")) from refusal
    except services.TooMany:
        form.add_error(None, _too_many())
        return _room_page(request, room, status=429, member_form=form)
    messages.success(request, _("The members are changed."))
    return redirect("chat:rooms") if form.person == request.user else redirect("chat:room", slug)


def _must_have_signed_up(request: PersonRequest, why: str) -> None:
    """Answer 403 to guests and to who is banned, before anything that they ask for is looked up."""
    if request.user.guest or request.user.banned:
        raise PermissionDenied(why)


def _find(request: PersonRequest, slug: str) -> Room:
    """Find the room for the person who asks, or answer 404, which does not tell whether somebody else has it."""
    try:
        return selectors.room_for(request.user, slug)
    except selectors.NoSuchRoom as missing:
        raise Http404(slug) from missing


def _too_many() -> str:
    """Say why nothing was made."""
    return _("You made so many within a day that you have to wait until tomorrow.")


def _rooms_page(request: PersonRequest, *, status: int = 200, **forms: Any) -> HttpResponse:
    """Render the list of rooms, with a form that had errors in place of an empty one."""
    find = FindForm(request.GET)
    asked = find.cleaned_data if find.is_valid() else {}
    text, page = asked.get("q", ""), asked.get("page") or 1
    context = {
        "rooms": selectors.rooms_listed_for(request.user, text=text, page=page),
        "find": find,
        "text": text,
        "previous": page - 1,
        "next": page + 1,
        "room_form": RoomForm(),
        "person_form": PersonForm(),
        **forms,
    }
    return render(request, "chat/rooms.html", context, status=status)


def _room_page(request: PersonRequest, room: Room, *, status: int = 200, **forms: Any) -> HttpResponse:
    """Render one room."""
    context = {
        "room": room,
        "title": selectors.room_title_for(request.user, room),
        "rooms": selectors.rooms_listed_for(request.user),
        "members": room.members.order_by("name") if room.kind == Room.Kind.MEMBERS else None,
        "is_keeper": room.kind == Room.Kind.MEMBERS and selectors.room_keeper(room) == request.user.pk,
        "member_form": MemberForm(room=room),
        "phrases": phrases(),
        **forms,
    }
    return render(request, "chat/room.html", context, status=status)
