from django.core.cache import cache
from django.http import HttpResponse
from django.shortcuts import render
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from .live import SHELF, tell
from .models import Book
from .serializers import BookSerializer
from .tasks import count


def library(request):
    return render(request, "books/library.html", {"books": Book.objects.all()[:50]})


def words(request, pk):
    return HttpResponse(cache.get(f"words-{pk}", ""), content_type="text/plain")


class BookViewSet(
    mixins.CreateModelMixin, mixins.RetrieveModelMixin, mixins.ListModelMixin, viewsets.GenericViewSet
):
    queryset = Book.objects.all()
    serializer_class = BookSerializer

    def perform_create(self, serializer):
        book = serializer.save()
        count.delay(book.pk)
        tell(SHELF, book=book.pk, words=None)

    @action(detail=False, methods=["post"])
    def wave(self, request):
        """Wave to everybody who has the shelf open."""
        tell(SHELF, wave=str(request.data.get("name", ""))[:40])
        return Response(status=204)
