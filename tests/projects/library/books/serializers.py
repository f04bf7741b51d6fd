from rest_framework import serializers

from .models import Book


class BookSerializer(serializers.ModelSerializer):
    class Meta:
        model = Book
        fields = ["id", "file", "words", "added"]
        read_only_fields = ["words", "added"]
