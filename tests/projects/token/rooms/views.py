import json

from django.http import JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from .models import Token


def home(request):
    return render(request, "rooms/home.html")


def room(request, room):
    return render(request, "rooms/room.html", {"room": room})


@csrf_exempt
@require_POST
def make_token(request):
    name = json.loads(request.body).get("name") or "visitor"
    token = Token.objects.create(name=name[:40])
    return JsonResponse({"token": token.key}, status=201)
