"""Django's and Channels' defaults, and what a test asks for in STOCK_*."""

import os
from typing import Any

SECRET_KEY = "stock"
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "chat.example"]
INSTALLED_APPS = ["channels", "django.contrib.contenttypes", "django.contrib.auth"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
ROOT_URLCONF = "stock.urls"
USE_TZ = True
SECURE_SSL_REDIRECT = "STOCK_SSL_REDIRECT" in os.environ
if "STOCK_REDIS" in os.environ:
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [f"unix://{os.environ['STOCK_REDIS']}"]},
        }
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
DATABASES: dict[str, dict[str, Any]] = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
if "STOCK_POSTGRES" in os.environ:
    DATABASES["default"] = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "postgres",
        "USER": "parley",
        "HOST": os.environ["STOCK_POSTGRES"],
        "CONN_MAX_AGE": 60,
    }
LOGGING = {  # Django's own shows nothing of this on the console without DEBUG
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
