from books import views
from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.urls import include, path
from rest_framework.routers import DefaultRouter

router = DefaultRouter()
router.register("books", views.BookViewSet)

urlpatterns = [
    path("", views.library, name="library"),
    path("books/<int:pk>/words/", views.words, name="words"),
    path("api/", include(router.urls)),
    path("admin/", admin.site.urls),
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
]
