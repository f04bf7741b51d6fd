"""Whether the containers of a service beside the site are well, as the engine describes them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.operations.doctor import compose


def container(*, running: bool = True, restarts: int = 0, seconds: float = 5, **state: Any) -> dict[str, Any]:
    """Give one that was started so long ago."""
    started = (datetime.now(UTC) - timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()
    return {"RestartCount": restarts, "State": {"Running": running, "StartedAt": f"{started}123Z", **state}}


@pytest.mark.parametrize(
    ("found", "well"),
    [
        ([], False),
        ([{}], True),
        ([{"running": False}], False),
        ([{}, {"running": False}], False),
        ([{"restarts": 3}], False),
        ([{"restarts": 3, "seconds": 3600}], True),
        ([{"restarts": 3, "seconds": 3600, "Restarting": True}], False),
        ([{"Health": {"Status": "starting"}}], True),
        ([{"Health": {"Status": "unhealthy"}}], False),
    ],
)
def test_all_of_a_service_are_well_or_it_is_not(found: list[dict[str, Any]], *, well: bool) -> None:
    """One that Docker starts again and again always runs: it is well once it has lived for a while."""
    assert compose._are_well([container(**one) for one in found]) is well
