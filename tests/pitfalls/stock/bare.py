"""An uvicorn as `pip install uvicorn` leaves it: with no websocket library beside it."""

import sys

sys.modules["websockets"] = None  # type: ignore[assignment]  # what makes an import fail
sys.modules["wsproto"] = None  # type: ignore[assignment]

import uvicorn  # noqa: E402

if __name__ == "__main__":
    uvicorn.main()
