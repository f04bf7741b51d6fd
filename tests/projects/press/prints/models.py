from django.db import models


class Print(models.Model):
    text = models.TextField()
    made = models.DateTimeField(auto_now_add=True)
