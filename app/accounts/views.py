"""The way in and out."""

import contextlib
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.views import LoginView, PasswordChangeView, RedirectURLMixin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST
from django.views.generic import FormView

from accounts.credentials import address_remember
from accounts.forms import GuestForm, LogInForm, OwnPasswordForm, SignUpForm
from accounts.models import User
from accounts.newcomers import TooManyPeople, newcomer_admit
from accounts.newness import BannedBefore, browser_ask
from accounts.services import guest_enter, person_enter
from accounts.sessions import NoSuchTicket, ticket_redeem


class Entrance(RedirectURLMixin, FormView):  # type: ignore[type-arg]  # generic in the stubs alone
    """What the three ways in share: a safe `next`, and 400 for a form with errors."""

    def get_default_redirect_url(self) -> str:
        """Go to the rooms where no `next` says otherwise."""
        return resolve_url(settings.LOGIN_REDIRECT_URL)

    def form_invalid(self, form: BaseForm) -> HttpResponse:
        """Show the form again with its errors."""
        return self.render_to_response(self.get_context_data(form=form), status=400)

    def too_many(self, form: BaseForm, refused: TooManyPeople) -> HttpResponse:
        """Show the form again, and say how long this address must wait."""
        minutes = refused.seconds // 60 + 1
        text = ngettext(
            "Too many new people came from your network. Wait %(minutes)d minute.",
            "Too many new people came from your network. Wait %(minutes)d minutes.",
            minutes,
        )
        form.add_error(None, text % {"minutes": minutes})
        answer = self.render_to_response(self.get_context_data(form=form), status=HTTPStatus.TOO_MANY_REQUESTS)
        answer["Retry-After"] = str(refused.seconds)
        return answer

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Carry `next` and whether guests are let in."""
        return {
            "next": self.get_redirect_url(),
            "guests": settings.GUESTS,
            "guest_form": GuestForm(),
            **super().get_context_data(**kwargs),
        }


@method_decorator(ensure_csrf_cookie, name="dispatch")
class LogIn(Entrance, LoginView):
    """Log in, or choose another way in; always leaves the CSRF cookie that outside clients need."""

    authentication_form = LogInForm
    template_name = "accounts/login.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Put the cursor into one field: the first of the page, or the one of the form that has errors."""
        context = super().get_context_data(**kwargs)
        if settings.GUESTS:
            other = context["guest_form"] if context["form"].is_bound else context["form"]
            for field in other.fields.values():
                field.widget.attrs.pop("autofocus", None)
        return context

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Enter; a guest who does so leaves the guest behind."""
        person_enter(request=self.request, user=form.get_user())
        return HttpResponseRedirect(self.get_success_url())


@contextlib.contextmanager
def refusing_the_banned() -> Iterator[None]:
    """Answer 403 where somebody banned would be made anew."""
    try:
        yield
    except BannedBefore as refusal:
        if refusal.args == ("browser",):
            raise PermissionDenied(_("This account is banned.")) from refusal
        text = _("For a while nobody new comes in as a guest from your network. Please log in or sign up.")
        raise PermissionDenied(text) from refusal


@require_POST
def ticket(request: HttpRequest) -> HttpResponse:
    """Exchange a ticket that a socket's `welcome` carried for the session's cookie: 204, once."""
    try:
        ticket_redeem(request=request, ticket=request.POST.get("ticket", ""))
    except NoSuchTicket:
        return HttpResponse(_("This ticket is unknown, used or too old."), status=400, content_type="text/plain")
    return HttpResponse(status=204)


@method_decorator([sensitive_post_parameters(), never_cache], name="dispatch")
class SignUp(Entrance):
    """Make an account and enter with it; a guest who does so leaves the guest behind."""

    form_class = SignUpForm
    template_name = "accounts/signup.html"

    def form_valid(self, form: SignUpForm) -> HttpResponse:
        """Store the person and cycle the session."""
        address = self.request.META.get("REMOTE_ADDR", "")
        with refusing_the_banned():
            browser_ask(self.request)
        try:
            newcomer_admit(address=address)
        except TooManyPeople as refused:
            return self.too_many(form, refused)
        user = form.save()
        person_enter(request=self.request, user=user)
        address_remember(username=user.username, address=address)
        return HttpResponseRedirect(self.get_success_url())


@method_decorator(never_cache, name="dispatch")
class Password(PasswordChangeView):
    """Change one's own password: this browser stays logged in, all other sessions and their sockets end."""

    form_class = OwnPasswordForm
    template_name = "accounts/password.html"
    success_url = reverse_lazy("chat:rooms")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Refuse guests, who have no password to change."""
        if isinstance(request.user, User) and request.user.guest:
            raise PermissionDenied(_("Guests have no password."))
        return cast("HttpResponse", super().dispatch(request, *args, **kwargs))

    def get_form_kwargs(self) -> dict[str, Any]:
        """Say where from, for the count of guesses."""
        return {**super().get_form_kwargs(), "address": self.request.META.get("REMOTE_ADDR", "")}

    def form_invalid(self, form: BaseForm) -> HttpResponse:
        """Show the form again with its errors."""
        return self.render_to_response(self.get_context_data(form=form), status=400)

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        """Store the password and the session's new key together: a socket that ends comes back to what holds."""
        with transaction.atomic():
            answer = super().form_valid(form)
            self.request.session.save()
        messages.success(self.request, _("Your password is changed."))
        return answer


@method_decorator(never_cache, name="dispatch")
class Guest(Entrance):
    """Enter with nothing but a name, where the operator lets guests in."""

    form_class = GuestForm
    template_name = "accounts/guest.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Refuse where there are no guests, and leave somebody who signed up as they are."""
        if not settings.GUESTS:
            raise PermissionDenied(_("Guests are not let in here. Please sign up."))
        if isinstance(request.user, User) and not request.user.guest:
            return HttpResponseRedirect(self.get_success_url())
        return cast("HttpResponse", super().dispatch(request, *args, **kwargs))

    def form_valid(self, form: GuestForm) -> HttpResponse:
        """Make the guest, or rename the one who asks."""
        try:
            with refusing_the_banned():
                guest_enter(request=self.request, name=form.cleaned_data["name"])
        except TooManyPeople as refused:
            return self.too_many(form, refused)
        return HttpResponseRedirect(self.get_success_url())
