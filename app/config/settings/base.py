"""What every environment shares; safe as it stands, and only local and test loosen it."""

from django.utils.translation import gettext_lazy as _

from config.paths import APP
from parley_serving import databases, layers, logs
from parley_serving.environment import environment

env = environment()

SECRET_KEY, *SECRET_KEY_FALLBACKS = env.secret_key or ("",)
DEBUG = False
ALLOWED_HOSTS = list(env.hosts)
ALLOWED_ORIGINS = list(env.origins)  # the websocket's Origin check (pitfalls P2)
CSRF_TRUSTED_ORIGINS = list(env.origins)

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "config.apps.ParleyConfig",
    "accounts.apps.AccountsConfig",
    "chat.apps.ChatConfig",
]
MIDDLEWARE = [
    "parley_serving.headers.page_headers",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.charset.utf8_middleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.RenewSessionMiddleware",
    "accounts.middleware.BannedMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "chat.errors.BadDataMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"

DATABASES = {"default": databases.from_url(env.database_url, pool=env.database_pool)}
CHANNEL_LAYERS = layers.from_url(env.layer_url, env.name)
LOGGING = logs.configuration(style=env.log_format, level=env.log_level)

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.PersonBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"

MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # a cookie less that others may set
# A browser sends a cookie to every port of a host name: two sites under one need two prefixes. For "__Host-" it asks
# for Secure, Path=/ and no Domain, which all of these have.
SESSION_COOKIE_NAME = f"{env.cookie_prefix}sessionid"
CSRF_COOKIE_NAME = f"{env.cookie_prefix}csrftoken"
LANGUAGE_COOKIE_NAME = f"{env.cookie_prefix}django_language"
SESSION_ENGINE = "accounts.session_store"
SESSION_COOKIE_AGE = 30 * 24 * 3600  # protocol.md: a guest keeps its id for 30 days, renewed by use
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_SECURE = True
LANGUAGE_COOKIE_SECURE = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = env.body_bytes
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "manifest-src": ["'self'"],
        # Browsers differ on whether 'self' covers wss on the same host and port: both are named (pitfalls A3).
        # Chromium takes no IPv6 address here: it is left to 'self'.
        "connect-src": ["'self'", *(one.replace("http", "ws", 1) for one in env.origins if "[" not in one)],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

STATIC_URL = "/static/"
STATIC_ROOT = env.static_root
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "config.static.HashedStorage"},
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("es", _("Spanish"))]
LOCALE_PATHS = [APP / "locale"]
USE_I18N = True
TIME_ZONE = "UTC"  # Django's default moves the worker's log clock (pitfalls L13)
USE_TZ = True

UNLIMITED = env.unlimited
GUESTS = env.guests
FRAMES_PER_SECOND = env.frames_per_second
BURST = env.burst
SOCKETS = env.sockets
SOCKETS_PER_USER = env.sockets_per_user
SOCKETS_PER_ADDRESS = env.sockets_per_address
INSTANCES = env.instances
INSTANCE = env.instance
RELEASE = env.release
