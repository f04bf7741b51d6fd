"""Every form of the site, out of the URL conf and the pages' HTML."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from django.urls import Resolver404, URLResolver, get_resolver, resolve

# What stands in a route for a value, in a path and in a regular expression.
PLACE = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)")
FILLS = {
    "slug": ("lobby", "fuzzed", "closed", "direct-1-2"),
    "object_id": ("1", "2", "3"),
    "content_type_id": ("1", "6"),
    "app_label": ("accounts", "chat", "auth"),
    "url": ("elsewhere/",),
    "id": ("1", "2"),
}
ELSEWHERE = ("/healthz", "/readyz", "/metrics", "/ws/chat/", "/ws/", "/static/chat/page.css", "/nowhere/", "//", "/.")


@dataclass
class Field:
    """A field of forms: what it may take, and how much."""

    values: set[str] = field(default_factory=set)
    most: int = 0  # characters; 0: not said
    secret: bool = False


Fields = dict[str, Field]


def routes(patterns: Iterable[object] | None = None, prefix: str = "") -> Iterator[str]:
    """Give each route of the URL conf, as Django writes it."""
    for one in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(one.pattern)  # type: ignore[attr-defined]  # URLPattern and URLResolver have it
        if isinstance(one, URLResolver):
            yield from routes(one.url_patterns, route)
        else:
            yield route


def filled(route: str, choose: dict[str, str]) -> str:
    """Write a path of a route, with a value in each place."""
    path = PLACE.sub(lambda place: choose.get(place[1] or place[2], "1"), route)
    return "/" + path.replace("^", "").replace("$", "").replace("\\Z", "")


def places(route: str) -> list[str]:
    """Name the places of a route."""
    return [path or expression for path, expression in PLACE.findall(route)]


class Forms(HTMLParser):
    """Reads the forms of a page into fields, by the route that each is sent to."""

    def __init__(self, page: str, known: dict[str, Fields]) -> None:
        super().__init__()
        self.page = page
        self.known = known
        self.form: Fields | None = None
        self.select: Field | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a form, or add what it has."""
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            path = urlsplit(urljoin(self.page, said.get("action", ""))).path
            try:
                self.form = self.known.setdefault(resolve(path).route, {})
            except Resolver404:
                self.form = None
        elif tag == "option" and self.select is not None:
            self.select.values.add(said.get("value", ""))
        elif self.form is not None and tag in {"input", "button", "select", "textarea"} and said.get("name"):
            one = self.form.setdefault(said["name"], Field())
            if "value" in said:
                one.values.add(said["value"])
            one.most = int(said.get("maxlength") or one.most)
            one.secret = said.get("type") == "password"
            if tag == "select":
                self.select = one

    def handle_endtag(self, tag: str) -> None:
        """Close a form or a list of options."""
        if tag == "form":
            self.form = None
        elif tag == "select":
            self.select = None


def pages() -> Iterator[str]:
    """Give paths to look for forms at: each route with each value that may be there."""
    for route in routes():
        names = places(route)
        for number in range(max((len(FILLS.get(name, ("1",))) for name in names), default=1)):
            yield filled(
                route, {name: FILLS.get(name, ("1",))[number % len(FILLS.get(name, ("1",)))] for name in names}
            )
