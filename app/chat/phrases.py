"""What the page's modules say, in the reader's language; {braces} are filled in by the modules."""

from django.utils.translation import gettext as _


def phrases() -> dict[str, str]:
    """Return every phrase by the name the modules know it under."""
    return {
        # The state of the connection.
        "connecting": _("Connecting…"),
        "reconnecting": _("Reconnecting…"),
        "offline": _("You are offline"),
        "online": _("Connected"),
        "banned": _("This account is banned."),
        "ended": _("You are logged out. Please log in again."),
        "changed": _("You are somebody else in another tab now. Please reload this page."),
        # The room.
        "no_such_room": _("This room is not there, or not open to you."),
        "not_allowed": _("This room is not open to you."),
        "removed": _("You were taken out of this room."),
        "closed": _("This room is closed."),
        "empty": _("Nobody has written here yet."),
        "joined": _("{name} came in"),
        "left": _("{name} left"),
        "guest": _("guest"),
        "guest_name": _("{name} (guest)"),
        "typing_one": _("{name} is writing…"),
        "typing_many": _("{names} are writing…"),
        "edited": _("edited"),
        "deleted": _("This message was deleted."),
        # One's own messages.
        "pending": _("sending…"),
        "failed": _("Not sent: {reason}"),
        "too_long": _("it is too long."),
        "bad_field": _("it has characters that cannot be sent."),
        "refused": _("you may not write here."),
        "unknown": _("the server did not take it ({code})."),
        "discard": _("Discard"),
        "full": _("Too many messages are waiting to be sent."),
        "left_over": _("Characters left: {count}"),
        "too_many": _("Characters too many: {count}"),
    }
