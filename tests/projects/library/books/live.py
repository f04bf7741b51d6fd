"""What people who have the shelf open are told."""

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

SHELF = "shelf"


def book_group(pk):
    return f"book-{pk}"


def tell(group, **message):
    async_to_sync(get_channel_layer().group_send)(group, {"type": "told", "message": message})
