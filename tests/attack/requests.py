"""What a client may send to a page: any method, path, query, fields and files, right and wrong."""

import json
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from hypothesis import strategies as st

from tests.attack.forms import ELSEWHERE, FILLS, Fields, filled, places
from tests.attack.texts import brimful, odd_texts
from tests.behaviour.people import PASSWORD

VISITORS = ("nobody", "guest", "person", "admin")
BOUNDARY = "fuzz"
TOKEN = "csrfmiddlewaretoken"
# Fields that no page shows, or that a query has: the ticket of a socket, a person by id, the lists of the admin.
UNSHOWN = ("ticket", "user", "next", "q", "o", "p", "all", "e", "_popup", "_to_field", "_changelist_filters", "term")
FILTERS = (
    "id__exact",
    "guest__exact",
    "username__regex",
    "at__year",
    "kind__in",
    "room__id__exact",
    "password__startswith",
)
CHARSETS = ("utf-8", "utf-7", "utf-16", "latin-1", "idna", "punycode", "rot13", "hex", "undefined", "nonsense", "\xff")


@dataclass(frozen=True)
class Upload:
    """A file in a field."""

    name: str
    content: bytes


Value = str | Upload


@dataclass(frozen=True)
class Request:
    """One request of somebody; the token and the cookies are added when it is sent."""

    way: int  # 0: through nginx; past it from the address 10.0.0.<way>
    visitor: str
    method: str
    path: str
    query: str = ""
    fields: list[tuple[str, Value]] = field(default_factory=list)
    encoding: str = "urlencoded"
    charset: str = ""
    csrf: str = "field"
    origin: str = "own"

    def body(self, token: str) -> tuple[str, bytes]:
        """Give the content type and the body."""
        fields = [*self.fields, (TOKEN, token)] if token and self.csrf == "field" else self.fields
        charset = f"; charset={self.charset}" if self.charset else ""
        if self.encoding == "json":
            return f"application/json{charset}", json.dumps([(name, str(value)) for name, value in fields]).encode()
        if self.encoding == "urlencoded":
            texts = [(_bytes(name), _bytes(value)) for name, value in fields if isinstance(value, str)]
            return f"application/x-www-form-urlencoded{charset}", urlencode(texts).encode()
        parts = b"".join(_part(name, value) for name, value in fields)
        end = f"--{BOUNDARY}--\r\n".encode() if self.encoding == "multipart" else b""
        return f"multipart/form-data; boundary={BOUNDARY}{charset}", parts + end


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _part(name: str, value: Value) -> bytes:
    """Write one part; a quote or a line end in its name is there as it is."""
    head = b'Content-Disposition: form-data; name="' + _bytes(name) + b'"'
    if isinstance(value, Upload):
        head += b'; filename="' + _bytes(value.name) + b'"\r\nContent-Type: application/octet-stream'
    content = value.content if isinstance(value, Upload) else _bytes(value)
    return f"--{BOUNDARY}\r\n".encode() + head + b"\r\n\r\n" + content + b"\r\n"


@st.composite
def right(draw: st.DrawFn, known: Fields, name: str) -> str:
    """Draw what a field takes."""
    one = known[name]
    if one.secret:
        return draw(st.sampled_from((PASSWORD, PASSWORD, PASSWORD, "wrong")))
    if "username" in name:
        return draw(st.sampled_from(("fuzzed", "fuzzed", "nobody-here", "new-one")))
    if one.values:
        return draw(st.sampled_from(sorted(one.values)))
    return draw(st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=20))


@st.composite
def fields(draw: st.DrawFn, known: Fields) -> list[tuple[str, Value]]:
    """Draw the fields of a form: mostly right, one or two odd, missing, doubled, a file, or nobody's."""
    names = sorted(set(known) - {TOKEN})
    found: list[tuple[str, Value]] = [(name, draw(right(known, name))) for name in names]
    for _ in range(draw(st.integers(0, 3))):
        way = draw(st.sampled_from(("odd", "odd", "odd", "missing", "doubled", "file", "unshown")))
        if way == "unshown" or not found:
            found.append((draw(st.sampled_from(UNSHOWN)), draw(odd_texts)))
            continue
        place = draw(st.integers(0, len(found) - 1))
        name = found[place][0]
        if way == "missing":
            del found[place]
        elif way == "doubled":
            found.append((name, draw(odd_texts)))
        else:
            upload = st.builds(Upload, odd_texts, st.binary(max_size=30))
            most = known[name].most if name in known else 0
            odd = brimful(most) if most and draw(st.booleans()) else odd_texts
            found[place] = (name, draw(odd) if way == "odd" else draw(upload))
    return found


@st.composite
def paths(draw: st.DrawFn, route: str) -> str:
    """Draw a path of a route; sometimes with something odd in its place, or behind it."""
    chosen: dict[str, str] = {}
    for name in places(route):
        odd = odd_texts.map(lambda text: quote(_bytes(text)[:2000], safe="/%"))
        usual = st.sampled_from(FILLS.get(name, ("1",)))
        chosen[name] = draw(odd if draw(st.integers(0, 4)) == 0 else usual)
    return filled(route, chosen)


queries = st.one_of(
    st.just(""),
    st.just(""),
    st.dictionaries(st.sampled_from((*UNSHOWN, *FILTERS)), odd_texts, max_size=3).map(
        lambda asked: urlencode({name: _bytes(text)[:2000] for name, text in asked.items()})
    ),
    st.sampled_from(("%", "&&==", "a=%ff", "=", "next=%00", "next=//evil.example", "page=%ED%A0%80")),
)


@st.composite
def requests(draw: st.DrawFn, forms: dict[str, Fields]) -> Request:
    """Draw a request to one of these routes; half of them to pages that everybody may ask for."""
    public = sorted(route for route in forms if not route.startswith("admin/"))
    route = draw(st.sampled_from(public) if draw(st.booleans()) else st.sampled_from(sorted(forms)))
    elsewhere = draw(st.integers(0, 39)) == 7
    return Request(
        way=draw(st.sampled_from((0, *range(1, 255)))) if draw(st.booleans()) else 0,
        visitor="admin" if route.startswith("admin/") and draw(st.booleans()) else draw(st.sampled_from(VISITORS)),
        method=draw(
            st.sampled_from(
                (*["POST"] * 30, *["GET"] * 10, "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FUZZ")
            )
        ),
        path=draw(st.sampled_from(ELSEWHERE)) if elsewhere else draw(paths(route)),
        query=draw(queries),
        fields=draw(fields(forms[route])),
        encoding=draw(st.sampled_from((*["urlencoded"] * 9, *["multipart"] * 9, "broken", "json"))),
        charset=draw(st.sampled_from((*[""] * 60, *CHARSETS))),
        csrf=draw(st.sampled_from((*["field"] * 20, "header", "wrong", "missing"))),
        origin=draw(st.sampled_from((*["own"] * 30, "https://evil.example", "null", ""))),
    )
