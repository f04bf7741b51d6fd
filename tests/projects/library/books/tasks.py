from celery import shared_task
from django.conf import settings
from django.core.cache import cache
from django.core.mail import send_mail

from .live import SHELF, book_group, tell
from .models import Book

COUNTED = "words"
STEP = 10  # words between two messages


@shared_task
def count(pk):
    book = Book.objects.get(pk=pk)
    with book.file.open() as file:
        words = file.read().split()
    for done in range(STEP, len(words), STEP):
        tell(book_group(pk), done=done, of=len(words))
    book.words = len(words)
    book.save(update_fields=["words"])
    cache.set(f"words-{pk}", f"{book.words} {COUNTED}", timeout=None)
    tell(book_group(pk), done=book.words, of=book.words)
    tell(SHELF, book=pk, words=book.words)


@shared_task
def digest():
    """Mail what came since the last one."""
    books = list(Book.objects.filter(told=False, words__isnull=False))
    if not books:
        return
    lines = [f"{book} ({book.words} words)" for book in books]
    send_mail("New on the shelf", "\n".join(lines), settings.DEFAULT_FROM_EMAIL, settings.LIBRARIANS)
    Book.objects.filter(pk__in=[book.pk for book in books]).update(told=True)
