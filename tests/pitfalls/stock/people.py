"""What nearly every consumer imports: a model."""

from django.contrib.auth.models import User

__all__ = ["User"]
