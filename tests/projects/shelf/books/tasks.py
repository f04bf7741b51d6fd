from celery import shared_task
from django.core.cache import cache
from django.core.files.storage import default_storage

COUNTED = "words"


@shared_task
def count(name):
    with default_storage.open(name) as book:
        words = len(book.read().split())
    cache.set(name, f"{words} {COUNTED}", timeout=None)
