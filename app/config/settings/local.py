"""One machine, plain http, one process with reload."""

from config.settings.base import *  # noqa: F403 (a settings module is its names)
from config.settings.base import env
from parley_serving.environment import LOCAL_SECRET

DEBUG = True
SECRET_KEY, *SECRET_KEY_FALLBACKS = env.secret_key or (LOCAL_SECRET,)
ALLOWED_HOSTS = list(env.hosts) or ["localhost", "127.0.0.1", "[::1]"]
SESSION_COOKIE_SECURE = False
CSRF_COOKIE_SECURE = False
LANGUAGE_COOKIE_SECURE = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
