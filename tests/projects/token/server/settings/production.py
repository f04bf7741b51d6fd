from .base import *  # noqa

SECRET_KEY = os.environ["SECRET_KEY"]
SIGNING_SALT = "rooms:" + SECRET_KEY[:8]

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [os.environ["REDIS_URL"]]},
    }
}

SECURE_SSL_REDIRECT = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
