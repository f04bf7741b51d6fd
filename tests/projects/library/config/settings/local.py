from .base import *  # noqa: F403

SECRET_KEY = "django-insecure-a-key-for-the-desk-alone"
DEBUG = True
ALLOWED_HOSTS = []

INSTALLED_APPS = ["daphne", *INSTALLED_APPS]  # noqa: F405
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}  # noqa: F405
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
