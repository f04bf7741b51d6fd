"""Unit tests: in memory, plain static names, a fast password hasher."""

from config.env import LOCAL_SECRET, assume

assume("test")

from config.settings.base import *  # noqa: E402, F403 (a settings module is its names; the environment comes first)
from config.settings.base import env  # noqa: E402

SECRET_KEY = env.secret_key or LOCAL_SECRET
ALLOWED_HOSTS = ["testserver", "localhost"]
ALLOWED_ORIGINS = ["http://testserver"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SESSION_COOKIE_SECURE = False
CSRF_COOKIE_SECURE = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
