import asyncio
import json

from django.http import StreamingHttpResponse
from django.shortcuts import render


def page(request):
    visits = request.session["visits"] = request.session.get("visits", 0) + 1
    return render(request, "clock/page.html", {"visits": visits})


async def ticks():
    number = 0
    while True:
        number += 1
        yield f"data: {json.dumps({'tick': number})}\n\n"
        await asyncio.sleep(1)


async def events(request):
    return StreamingHttpResponse(
        ticks(), content_type="text/event-stream", headers={"Cache-Control": "no-cache"}
    )
