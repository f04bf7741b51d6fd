"""What every page says to browsers and caches, whichever view made it."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.utils.decorators import sync_and_async_middleware

# A page is somebody's: with their name, rooms and CSRF token. A view may say otherwise of its own.
PERSONAL = "private, no-store"
# A chat of texts needs none of these, and neither does a script that got into a page.
UNUSED = (
    "accelerometer",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "publickey-credentials-get",
    "screen-wake-lock",
    "serial",
    "usb",
    "xr-spatial-tracking",
)
PERMISSIONS = ", ".join(f"{feature}=()" for feature in UNUSED)


@sync_and_async_middleware
def page_headers(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Django middleware, the outermost: an error page is a page too."""

    async def ask(request: Any) -> Any:
        waiting: Awaitable[Any] = get_response(request)
        return _with_headers(await waiting)

    def ask_in_a_thread(request: Any) -> Any:
        return _with_headers(get_response(request))

    return ask if iscoroutinefunction(get_response) else ask_in_a_thread


def _with_headers(response: Any) -> Any:
    response.headers.setdefault("Cache-Control", PERSONAL)
    response.headers.setdefault("Permissions-Policy", PERMISSIONS)
    return response
