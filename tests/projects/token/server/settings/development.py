from .base import *  # noqa

DEBUG = True
SECRET_KEY = "not-a-secret-in-development"
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
