from django.core.cache import cache
from django.core.files.storage import default_storage
from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from .tasks import count


def shelf(request):
    return HttpResponse("<title>shelf</title>")


@require_POST
def upload(request):
    name = default_storage.save(request.FILES["book"].name, request.FILES["book"])
    count.delay(name)
    return JsonResponse({"url": default_storage.url(name), "name": name}, status=201)


def words(request, name):
    return HttpResponse(cache.get(name, ""), content_type="text/plain")
