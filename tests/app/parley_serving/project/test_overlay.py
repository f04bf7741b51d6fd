"""What Django and the project itself see of settings that somebody else wrote."""

from pathlib import Path

import pytest

from tests.app.parley_serving.project.projects import KEY, LAID, ORIGIN, command, ran, settings, written


def test_what_is_computed_from_a_setting_follows(tmp_path: Path) -> None:
    """At once, in whatever statement it is assigned."""
    project = written(
        tmp_path / "project",
        mysite__settings="""
            from __future__ import annotations
            SECRET_KEY = "insecure"
            SIGNING_KEY = SECRET_KEY
            DEBUG: bool = True
            MODE = "debug" if DEBUG else "release"
            if DEBUG:
                INTERNAL = ["127.0.0.1"]
            else:
                INTERNAL = []
            ALLOWED_HOSTS, OTHER = [], 1
            FIRST = ALLOWED_HOSTS[0]
            ALLOWED_HOSTS += ["more.example"]
            try:
                DEBUG = True
                IN_TRY = DEBUG
            finally:
                pass
            for DEBUG in (True, True):
                IN_LOOP = DEBUG
            AFTER_LOOP = DEBUG
            globals().update(DEBUG=True)
            AFTER_UPDATE = DEBUG
            """,
    )
    assert settings(
        project, "SIGNING_KEY", "MODE", "INTERNAL", "FIRST", "ALLOWED_HOSTS", "IN_TRY", "AFTER_LOOP", "AFTER_UPDATE"
    ) == {
        "SIGNING_KEY": KEY,
        "MODE": "release",
        "INTERNAL": [],
        "FIRST": "site.example",
        "ALLOWED_HOSTS": ["site.example", "more.example"],
        "IN_TRY": False,
        "AFTER_LOOP": False,
        "AFTER_UPDATE": False,
    }


def test_what_was_never_assigned_is_set_at_the_end(tmp_path: Path) -> None:
    """In the settings themselves; no database where the project has none."""
    project = written(tmp_path / "project", mysite__settings="USE_TZ = True\n")
    found = settings(
        project,
        *("DEBUG", "SECRET_KEY", "SECRET_KEY_FALLBACKS", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "STATIC_ROOT"),
        *("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_PROXY_SSL_HEADER", "DATABASES", "CHANNEL_LAYERS"),
    )
    assert found == {
        "DEBUG": False,
        "SECRET_KEY": KEY,
        "SECRET_KEY_FALLBACKS": [],
        "ALLOWED_HOSTS": ["site.example"],
        "CSRF_TRUSTED_ORIGINS": [ORIGIN],
        "STATIC_ROOT": str(tmp_path / "static"),
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "SECURE_PROXY_SSL_HEADER": None,
        "DATABASES": {},
        "CHANNEL_LAYERS": None,
    }


def test_what_is_kept_stays(tmp_path: Path) -> None:
    """PARLEY_KEEP names settings; PARLEY_OVERLAY=0 all of them."""
    project = written(tmp_path / "project", mysite__settings='DEBUG = True\nSECRET_KEY = "own"\n')
    assert settings(project, "DEBUG", "SECRET_KEY", PARLEY_KEEP="DEBUG") == {"DEBUG": True, "SECRET_KEY": KEY}
    assert settings(project, "DEBUG", "SECRET_KEY", PARLEY_OVERLAY="0") == {"DEBUG": True, "SECRET_KEY": "own"}


BASE = """
SECRET_KEY = "base"
SIGNING_KEY = SECRET_KEY
DEBUG = True
ALLOWED_HOSTS = []
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3", "ATOMIC_REQUESTS": True}}
"""
PRODUCTION = """
from .base import *
FROM_STAR = DEBUG
DEBUG = True
FROM_OWN = DEBUG
ALLOWED_HOSTS = ["own.example"]
"""


def test_settings_that_are_a_package(tmp_path: Path) -> None:
    """Of base and production: what base computes follows, too."""
    project = written(tmp_path / "project", mysite__settings__base=BASE, mysite__settings__production=PRODUCTION)
    variables = dict.fromkeys(("PARLEY_SETTINGS", "DJANGO_SETTINGS_MODULE"), "mysite.settings.production")
    assert settings(project, "SIGNING_KEY", "FROM_STAR", "FROM_OWN", "ALLOWED_HOSTS", **variables) == {
        "SIGNING_KEY": KEY,
        "FROM_STAR": False,
        "FROM_OWN": False,
        "ALLOWED_HOSTS": ["own.example", "site.example"],
    }


def test_a_module_beside_the_settings_is_left_alone(tmp_path: Path) -> None:
    """SECRET_KEY is also what others call theirs: only where settings import settings from is laid over."""
    project = written(
        tmp_path / "project",
        mysite__payments='SECRET_KEY = "of the bank"\nDEBUG = True\n',
        mysite__local="DEBUG = True\nCOMPUTED = DEBUG\n",
        mysite__settings="""
            from mysite import payments
            BANK = payments.SECRET_KEY
            try:
                from .local import *
            except ImportError:
                pass
            try:
                from .nowhere import *
            except ImportError:
                pass
            """,
    )
    assert settings(project, "BANK", "COMPUTED", "DEBUG") == {"BANK": "of the bank", "COMPUTED": False, "DEBUG": False}


def test_settings_that_read_their_environment(tmp_path: Path) -> None:
    """With a variable from a file, which is read before they are."""
    (tmp_path / "stripe").write_text("sk_live\n")
    project = written(
        tmp_path / "project",
        mysite__settings="""
            import os
            DEBUG = os.environ.get("DEBUG", "1") == "1"
            STRIPE_KEY = os.environ["STRIPE_KEY"]
            TEMPLATE_DEBUG = DEBUG
            """,
    )
    found = settings(project, "DEBUG", "TEMPLATE_DEBUG", "STRIPE_KEY", PARLEY_FILES=f"STRIPE_KEY={tmp_path}/stripe")
    assert found == {"DEBUG": False, "TEMPLATE_DEBUG": False, "STRIPE_KEY": "sk_live"}


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """One line."""
    project = written(tmp_path / "project", mysite__settings="")
    done = ran(project, LAID, PARLEY_FILES=f"STRIPE_KEY={tmp_path}/none")
    assert done.returncode == 3
    assert done.stderr.strip().splitlines() == [
        f"the project cannot start: PARLEY_FILES: STRIPE_KEY: [Errno 2] No such file or directory: '{tmp_path}/none'"
    ]


def test_a_view_that_imports_a_setting(tmp_path: Path) -> None:
    """Sees what Django sees: they are of one module."""
    project = written(
        tmp_path / "project",
        mysite__settings='DEBUG = True\nSECRET_KEY = "own"\n',
        mysite__views="from mysite.settings import DEBUG, SECRET_KEY\n",
    )
    code = LAID + "from mysite import views\nprint(views.DEBUG, views.SECRET_KEY)\n"
    done = ran(project, code, "DEBUG")
    assert done.stdout.splitlines() == ['{"DEBUG": false}', f"False {KEY}"]


def test_a_manage_py_that_assigns_the_variable(tmp_path: Path) -> None:
    """What Django then uses is laid over, whatever parley.toml says."""
    project = written(
        tmp_path / "project",
        mysite__settings="",
        mysite__other='DEBUG = True\nSECRET_KEY = "own"\n',
        manage="""
            import os, sys
            os.environ["DJANGO_SETTINGS_MODULE"] = "mysite.other"
            from django.core.management import execute_from_command_line
            execute_from_command_line(sys.argv)
            """,
    )
    done = command(project, "manage.py", "diffsettings", "--output", "unified")
    assert f"+ SECRET_KEY = '{KEY}'" in done.stdout, done.stderr
    assert "DEBUG = True" not in done.stdout


@pytest.mark.parametrize("settings_text", ["A = 1\n\nB = (1 +\n     A / 0)\n", "A = 1\n\ndef f():\n    1 / 0\nf()\n"])
def test_a_traceback_has_the_project_s_own_lines(tmp_path: Path, settings_text: str) -> None:
    """The file, the number and the text of the line."""
    project = written(tmp_path / "project", mysite__settings=settings_text)
    done = ran(project, LAID, "A")
    assert f'File "{project}/mysite/settings.py", line 4, in' in done.stderr
    assert settings_text.splitlines()[3].strip() in done.stderr


def test_a_syntax_error_is_told_as_ever(tmp_path: Path) -> None:
    """With its place."""
    project = written(tmp_path / "project", mysite__settings="A = 1\nB = = 2\n")
    done = ran(project, LAID, "A")
    assert f'File "{project}/mysite/settings.py", line 2' in done.stderr
    assert "SyntaxError" in done.stderr


def test_nothing_of_ours_stays_in_the_module(tmp_path: Path) -> None:
    """Nor beside it: a project's folder is not written to."""
    project = written(tmp_path / "project", mysite__settings="DEBUG = True\n")
    code = LAID + "import mysite.settings\nprint([one for one in dir(mysite.settings) if 'parley' in one])\n"
    assert ran(project, code).stdout.splitlines()[-1] == "[]"
    assert not list(project.rglob("*.pyc"))
