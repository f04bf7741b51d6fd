"""Whose static files stay while releases come and go."""

from pathlib import Path

import pytest

from deploy.stacks import static


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """What nginx serves."""
    (tmp_path / "volume").mkdir()
    return tmp_path / "volume"


def publish(volume: Path, release: str) -> None:
    """Put a release's own file, and one that every release has, beside those that are there."""
    collected = volume.parent / release
    collected.mkdir(exist_ok=True)
    (collected / f"{release}.css").write_text(release)
    (collected / "same.css").write_text("the same")
    static.add(collected, volume, release)


def there(volume: Path) -> list[str]:
    """Name the files that nginx finds."""
    return sorted(path.name for path in (volume / "files").iterdir())


def test_those_of_the_last_two_stay(volume: Path) -> None:
    """And everything but the newest until that serves."""
    for release in ("a", "b"):
        publish(volume, release)
        static.serves(volume, release)
    publish(volume, "c")
    assert there(volume) == ["a.css", "b.css", "c.css", "same.css"]
    static.serves(volume, "c")
    assert there(volume) == ["b.css", "c.css", "same.css"]
    assert static.newest(volume) == "c"


def test_releases_that_failed_take_nobodys_place(volume: Path) -> None:
    """However many: what serves goes on with its pages, and with those of the release before it."""
    for release in ("a", "b"):
        publish(volume, release)
        static.serves(volume, release)
    for failed in ("x", "y", "z"):
        publish(volume, failed)
    assert {"a.css", "b.css"} <= set(there(volume))
    assert static.newest(volume) == "b"
    publish(volume, "c")
    static.serves(volume, "c")
    assert there(volume) == ["b.css", "c.css", "same.css"]


def test_back_to_the_one_before(volume: Path) -> None:
    """Pages of what was gone back from are still open."""
    for release in ("a", "b", "a"):
        publish(volume, release)
        static.serves(volume, release)
    assert there(volume) == ["a.css", "b.css", "same.css"]
    assert static.newest(volume) == "a"


def test_what_serves_is_published_again(volume: Path) -> None:
    """As by each start of Compose's one-shot service: a file that it no longer has goes."""
    publish(volume, "a")
    static.serves(volume, "a")
    (volume.parent / "a" / "a.css").rename(volume.parent / "a" / "b.css")
    static.add(volume.parent / "a", volume, "a")
    static.serves(volume, "a")
    assert there(volume) == ["b.css", "same.css"]
