"""Requests are UTF-8, as our pages are: no other charset is asked for its opinion."""

import codecs
from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.utils.decorators import sync_and_async_middleware

UTF_8 = codecs.lookup("utf-8").name


@sync_and_async_middleware
def utf8_middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Answer 400 to a charset that is not UTF-8.

    Django decodes fields by whatever codec of Python a client names: `rot13` decodes no bytes, and is a 500 of every
    page; `utf-7` brings halves of surrogate pairs into texts, which no database stores.
    """

    async def answer_async(request: HttpRequest) -> Any:
        check(request)
        answer: Awaitable[Any] = get_response(request)
        return await answer

    def answer(request: HttpRequest) -> Any:
        check(request)
        return get_response(request)

    return answer_async if iscoroutinefunction(get_response) else answer


def check(request: HttpRequest) -> None:
    """Raise BadRequest for a charset that is not UTF-8; one that Python does not know Django has ignored."""
    if request.encoding and codecs.lookup(request.encoding).name != UTF_8:
        raise BadRequest("the charset of a request is UTF-8")
