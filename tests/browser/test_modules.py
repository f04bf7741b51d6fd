"""A changed module reaches a browser that has the old ones cached for ever."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Come
from tests.running import changed_checkout, free_port, running_stack

pytestmark = [pytest.mark.browser, pytest.mark.stack]


async def test_a_changed_module_is_loaded(tmp_path: Path, come: Come) -> None:
    """The release changes a module that modules import; the page's next load has it (pitfalls L9)."""
    root, state, port = changed_checkout(tmp_path / "checkout"), tmp_path / "state", str(free_port())
    module = root / "app/chat/static/chat/backoff.js"
    with running_stack(state, "--port", port, root=root) as stack:
        ana = await come(stack, "Ana")
        loaded: list[str] = []
        ana.page.on("request", lambda request: loaded.append(Path(request.url).name))
        await ana.page.reload()
        await ana.online()
        before = {name for name in loaded if name.startswith(("backoff.", "connection.", "page."))}
        assert len([name for name in before if name.endswith(".js")]) == 3
    module.write_text(module.read_text() + '\ndocument.documentElement.dataset.release = "second";\n')
    loaded.clear()
    with running_stack(state, "--port", port, root=root):
        await ana.page.reload()
        await ana.online()
        await expect(ana.page.locator("html")).to_have_attribute("data-release", "second")
        scripts = {name for name in loaded if name.endswith(".js")}
        assert not scripts & {name for name in before if name.endswith(".js")}
