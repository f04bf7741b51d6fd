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
from chat.forms import DirectForm, MemberForm, PersonForm, RoomForm
from chat.models import Room
from chat.phrases import phrases

ROOMS_LISTED = 200  # a page one can still read


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
    form = RoomForm(request.POST)
    if not form.is_valid():
        return _rooms_page(request, status=400, room_form=form)
    kind = Room.Kind(form.cleaned_data["kind"])
    try:
        room = services.room_create(title=form.cleaned_data["title"], kind=kind, creator=request.user)
    except selectors.NotAllowed as refusal:
        raise PermissionDenied(_("Only people who signed up make rooms.")) from refusal
    return redirect("chat:room", room.slug)


@login_required
def direct(request: PersonRequest) -> HttpResponse:
    """Open the room of two people: the other one is given by id (`user`) or by username (`username`)."""
    if request.method != "POST":
        return redirect("chat:rooms")
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
    room = _find(request, slug)
    form = MemberForm(request.POST)
    if not form.is_valid():
        return _room_page(request, room, status=400, member_form=form)
    change = services.room_member_add if form.cleaned_data["action"] == "add" else services.room_member_remove
    try:
        change(room=room, by=request.user, user=form.person)
    except selectors.NotAllowed as refusal:
        raise PermissionDenied(_("Only members change who belongs to a room.")) from refusal
    messages.success(request, _("The members are changed."))
    return redirect("chat:rooms") if form.person == request.user else redirect("chat:room", slug)


def _find(request: PersonRequest, slug: str) -> Room:
    """Find the room for the person who asks, or answer 404 or 403."""
    try:
        return selectors.room_for(request.user, slug)
    except selectors.NoSuchRoom as missing:
        raise Http404(slug) from missing
    except selectors.NotAllowed as refusal:
        raise PermissionDenied(_("This room is not open to you.")) from refusal


def _rooms_page(request: PersonRequest, *, status: int = 200, **forms: Any) -> HttpResponse:
    """Render the list of rooms, with a form that had errors in place of an empty one."""
    if request.user.banned:
        raise PermissionDenied(_("This account is banned."))
    context = {
        "rooms": selectors.rooms_listed_for(request.user, most=ROOMS_LISTED),
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
        "rooms": selectors.rooms_listed_for(request.user, most=ROOMS_LISTED),
        "members": room.members.order_by("name") if room.kind == Room.Kind.MEMBERS else None,
        "member_form": MemberForm(),
        "phrases": phrases(),
        **forms,
    }
    return render(request, "chat/room.html", context, status=status)
