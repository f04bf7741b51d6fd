from django.db import models


class Book(models.Model):
    file = models.FileField(upload_to="books/")
    words = models.PositiveIntegerField(null=True, editable=False)
    added = models.DateTimeField(auto_now_add=True)
    told = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering = ["-added"]

    def __str__(self):
        return self.file.name
