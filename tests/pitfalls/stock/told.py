"""An application that answers with what the server makes of where a request came from."""

from typing import Any


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the scheme and the client's address."""
    body = f"{scope['scheme']} {scope['client'] and scope['client'][0]}".encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
