"""What the variant for `rooms` stores, as most who follow the tutorial go on."""

from django.conf import settings
from django.db import models


class Message(models.Model):
    """One message."""

    room = models.CharField(max_length=100, db_index=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    text = models.TextField()
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.text
