"""Unit tests: a database file of their own, plain static names, a fast password hasher."""

import os
import tempfile
from pathlib import Path

from parley_serving.environment import LOCAL_SECRET, assume

assume("test")

from config.settings.base import *  # noqa: E402, F403 (a settings module is its names; the environment comes first)
from config.settings.base import DATABASES, env  # noqa: E402

# A file: the log's threads share no connection, and SQLite in memory is not the SQLite that is shipped.
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": str(Path(tempfile.gettempdir()) / f"parley-test-{os.getpid()}.sqlite3")}

SECRET_KEY, *SECRET_KEY_FALLBACKS = env.secret_key or (LOCAL_SECRET,)
ALLOWED_HOSTS = ["testserver", "localhost"]
ALLOWED_ORIGINS = ["http://testserver"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SESSION_COOKIE_SECURE = False
CSRF_COOKIE_SECURE = False
LANGUAGE_COOKIE_SECURE = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
