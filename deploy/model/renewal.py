"""When a certificate should have been renewed."""

import datetime as dt

# Ours is made again 30 days before its end, and certbot renews at a third of the lifetime, of less than ten days at a
# half: when there is less left than both of these, nobody renews it.
SOON = dt.timedelta(days=14)
SOON_SHARE = 3  # of a lifetime, one part in so many: an authority's may be six days


def soon(lifetime: dt.timedelta) -> dt.timedelta:
    """Tell how long before its end a certificate of this lifetime should have been renewed."""
    return min(SOON, lifetime / SOON_SHARE)
