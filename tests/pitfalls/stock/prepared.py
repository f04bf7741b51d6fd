"""Sets Django up; meant to be imported first."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stock.settings")
django_application = get_asgi_application()
