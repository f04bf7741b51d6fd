import secrets

from django.db import models


def new_key():
    return secrets.token_urlsafe(24)


class Token(models.Model):
    key = models.CharField(max_length=64, unique=True, default=new_key)
    name = models.CharField(max_length=40)
    created = models.DateTimeField(auto_now_add=True)


class Post(models.Model):
    room = models.SlugField()
    author = models.ForeignKey(Token, on_delete=models.CASCADE)
    body = models.CharField(max_length=500)
