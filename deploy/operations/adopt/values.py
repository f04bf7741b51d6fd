"""The variables of a project → the {places} that Parley fills in, by their names and by the setting they are for."""

import re

from deploy.model.project import OURS
from deploy.operations.adopt.variables import Variable

DATABASE = r"(DJANGO_)?(DB|DATABASE|POSTGRES|POSTGRESQL|PG|SQL|RDS)_?"
# The first that fits a whole name.
NAMES = [
    (re.compile(pattern), place)
    for pattern, place in (
        (r"(DJANGO_|APP_)?SECRET(_KEY)?", "{secret_key}"),
        (DATABASE + r"(URL|URI)", "{database_url}"),
        (DATABASE + r"(HOST|HOSTNAME|SERVER|ADDRESS)", "{database_host}"),
        (DATABASE + r"PORT", "{database_port}"),
        (DATABASE + r"(DB|NAME|DATABASE|DB_NAME)", "{database_name}"),
        (DATABASE + r"(USER|USERNAME)", "{database_user}"),
        (DATABASE + r"(PASSWORD|PASS)", "{database_password}"),
        (r"(DJANGO_)?CHANNEL(S|_LAYERS?)_?(REDIS_)?(URL|HOST)", "{layer_url}"),
        (
            r"(DJANGO_)?(REDIS|CACHE|BROKER|CELERY_BROKER|CELERY_RESULT_BACKEND|CELERY|RQ_REDIS|REDISCLOUD)(_(URL|URI))",
            "{redis_url}",
        ),
        (r"CELERY_RESULT_BACKEND", "{redis_url}"),
        (r"(DJANGO_|APP_)?(ALLOWED_)?HOSTS", "{hosts}"),
        (r"(DJANGO_|APP_)?(ALLOWED_HOST|DOMAIN|DOMAIN_NAME|SITE_DOMAIN|HOSTNAME|SITE_HOST)", "{host}"),
        (r"(DJANGO_|APP_)?(CSRF_(ALLOWED|TRUSTED|ORIGINS?)|\w*TRUSTED_ORIGINS?|CSRF_ALLOWED_ORIGINS?)", "{origins}"),
        (r"(DJANGO_)?STATIC_ROOT", "{static_root}"),
        (r"(DJANGO_)?MEDIA_ROOT", "{media_root}"),
    )
]
SETTINGS = {
    "SECRET_KEY": "{secret_key}",
    "ALLOWED_HOSTS": "{hosts}",
    "CSRF_TRUSTED_ORIGINS": "{origins}",
    "STATIC_ROOT": "{static_root}",
    "MEDIA_ROOT": "{media_root}",
}
DEBUG = re.compile(r"(DJANGO_|APP_)?DEBUG")


def value(variable: Variable) -> str | None:
    """Return what a variable gets, or None where only its owner knows."""
    if variable.name.startswith(OURS):
        return None
    if DEBUG.fullmatch(variable.name):
        return None if variable.default else "0"
    place = next((place for pattern, place in NAMES if pattern.fullmatch(variable.name)), None)
    place = place or SETTINGS.get(variable.setting)
    if place == "{redis_url}" and variable.setting == "CHANNEL_LAYERS":
        return "{layer_url}"
    if place == "{hosts}" and f"[{variable.reading}]" in _written(variable):
        return "{host}"  # a list that holds the variable whole takes one name
    return place


def is_ours(variable: Variable) -> bool:
    """Tell whether Parley sets it without being told."""
    return variable.name.startswith(OURS)


def _written(variable: Variable) -> str:
    lines = variable.file.read_text(encoding="utf-8", errors="replace").splitlines()
    return lines[variable.line - 1].replace('"', "'") if variable.line <= len(lines) else ""
