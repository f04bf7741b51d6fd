"""STORAGES: hashed names of static files, where collecting them has succeeded with them."""

from typing import Any

import django

PLAIN = "django.contrib.staticfiles.storage.StaticFilesStorage"
HASHED = "parley_serving.project.hashed_storage.HashedStorage"
FILES = "django.core.files.storage.FileSystemStorage"
OLD_NAMES = ("STATICFILES_STORAGE", "DEFAULT_FILE_STORAGE")  # that stand beside STORAGES in no Django


def finish(namespace: dict[str, Any], *, is_hashed: bool) -> None:
    """Set the storage where the project has chosen none of its own."""
    if not is_hashed:
        return
    if any(name in namespace for name in OLD_NAMES) or django.VERSION < (4, 2):
        if namespace.get("STATICFILES_STORAGE", PLAIN) == PLAIN and "STORAGES" not in namespace:
            namespace["STATICFILES_STORAGE"] = HASHED
        return
    storages = namespace.get("STORAGES", {"default": {"BACKEND": FILES}})
    if isinstance(storages, dict) and storages.get("staticfiles", {"BACKEND": PLAIN}) == {"BACKEND": PLAIN}:
        namespace["STORAGES"] = {**storages, "staticfiles": {"BACKEND": HASHED}}
