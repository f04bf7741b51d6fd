"""The way in and out."""

from typing import Any, cast

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, RedirectURLMixin
from django.core.exceptions import PermissionDenied
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST
from django.views.generic import FormView

from accounts.forms import GuestForm, LogInForm, SignUpForm
from accounts.models import User
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

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Enter; a guest who does so leaves the guest behind."""
        person_enter(request=self.request, user=form.get_user())
        return HttpResponseRedirect(self.get_success_url())


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
        person_enter(request=self.request, user=form.save())
        return HttpResponseRedirect(self.get_success_url())


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
        if isinstance(self.request.user, User) and self.request.user.banned:
            raise PermissionDenied(_("This account is banned."))
        guest_enter(request=self.request, name=form.cleaned_data["name"])
        return HttpResponseRedirect(self.get_success_url())
