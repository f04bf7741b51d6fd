"""What is laid over a project's settings: docs/your-project-settings.md has the table of it."""

import sys
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from parley_serving.environment import Environment, settings_module
from parley_serving.project import channel_layers, databases, localhost, logging_settings, static_files
from parley_serving.project.hook import Hook

Rule = Callable[[Any], Any]  # value → value; the very same one where there is nothing to change

# What a setting is before anybody assigns it, of those that are set where nobody does.
UNASSIGNED: Mapping[str, Any] = {
    "DEBUG": True,
    "SECRET_KEY": "",
    "SECRET_KEY_FALLBACKS": None,
    "ALLOWED_HOSTS": [],
    "CSRF_TRUSTED_ORIGINS": [],
    "STATIC_ROOT": None,
    "SESSION_COOKIE_SECURE": False,
    "CSRF_COOKIE_SECURE": False,
}
FORWARDED = ("HTTP_X_FORWARDED_PROTO", "https")  # nginx overwrites this one, and no other


@dataclass
class Overlay:
    """The rules by name, and what is done once, when the settings are complete."""

    rules: Mapping[str, Rule]
    finishing: Mapping[str, Callable[[dict[str, Any]], None]] = field(default_factory=dict)

    @property
    def names(self) -> Container[str]:
        """Return the names that values are laid over."""
        return self.rules

    def lay(self, namespace: dict[str, Any]) -> None:
        """Lay values over the names that are there; to do it again changes nothing."""
        for name, rule in self.rules.items():
            if name in namespace:
                found = namespace[name]
                laid = rule(found)
                if laid is not found:
                    namespace[name] = laid

    def finish(self, namespace: dict[str, Any]) -> None:
        """Lay them, set what was never assigned, and say what stays as it is and should not."""
        for name, value in UNASSIGNED.items():
            if name in self.rules:
                namespace.setdefault(name, value)
        self.lay(namespace)
        for finish in self.finishing.values():
            finish(namespace)


def overlay_of(env: Environment) -> Overlay:
    """Make the overlay that the environment describes, without what is kept."""
    rules: dict[str, Rule] = {
        "DEBUG": lambda _: False,
        "ALLOWED_HOSTS": lambda found: extended(found, env.hosts, without=(None, "*")),
        "CSRF_TRUSTED_ORIGINS": lambda found: extended(found, trusted_origins(env.origins)),
        "SESSION_COOKIE_SECURE": lambda _: True,
        "CSRF_COOKIE_SECURE": lambda _: True,
        "SECURE_PROXY_SSL_HEADER": lambda found: found if found in (None, FORWARDED) else FORWARDED,
        "DATABASES": databases.rule(env),
        "CHANNEL_LAYERS": channel_layers.rule(env),
    }
    if env.secret_key:
        key, *older = env.secret_key
        rules["SECRET_KEY"] = lambda _: key
        rules["SECRET_KEY_FALLBACKS"] = lambda found: found if found == older else list(older)
    if env.static_root:
        root = str(env.static_root)
        rules["STATIC_ROOT"] = lambda _: root
    finishing: dict[str, Callable[[dict[str, Any]], None]] = {
        "LOGGING": lambda namespace: logging_settings.finish(namespace, env),
        "STORAGES": lambda namespace: static_files.finish(namespace, is_hashed=env.static_hashed),
        "": localhost.finish,
    }
    return Overlay(
        {name: rule for name, rule in rules.items() if name not in env.keep},
        {name: finish for name, finish in finishing.items() if name not in env.keep},
    )


def extended(found: Any, ours: tuple[str, ...], without: tuple[str | None, ...] = (None,)) -> Any:
    """Add what is missing to a list; what is none stays, and Django says what it is.

    None is left out: `[os.getenv("HOST")]` has it where nobody sets the variable, and Django ends with a TypeError.
    """
    if not isinstance(found, list | tuple):
        return found
    laid = [one for one in found if one not in without]
    laid += [one for one in ours if one not in laid]
    return found if laid == found else laid


def trusted_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    """Return them as this Django wants them: before 4.0 these were hosts."""
    import django  # noqa: PLC0415 (no settings are read; the environment is complete by now)

    return origins if django.VERSION >= (4,) else tuple(one.partition("://")[2] for one in origins)


def install(env: Environment) -> None:
    """Lay the overlay over the settings that are imported from now on, once."""
    if env.overlay and not any(isinstance(finder, Hook) for finder in sys.meta_path):
        sys.meta_path.insert(0, Hook(overlay_of(env), lambda name: name in (env.settings, settings_module())))
