from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt, ensure_csrf_cookie
from django.views.decorators.http import require_POST

from .models import Print


@ensure_csrf_cookie
def desk(request):
    visits = request.session["visits"] = request.session.get("visits", 0) + 1
    return render(request, "prints/desk.html", {"prints": Print.objects.order_by("-pk")[:50], "visits": visits})


@csrf_exempt
@require_POST
def hand_in(request):
    text = request.body.decode()
    async_to_sync(get_channel_layer().send)("prints", {"type": "print.text", "text": text})
    return HttpResponse(status=202)
