"""No pages: the bench asks for none."""

urlpatterns: list[object] = []
