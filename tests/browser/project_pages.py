"""Pages of any project in Chromium, each in a browser of somebody else's; their consoles have no error."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from playwright.async_api import ConsoleMessage, Page, async_playwright, expect

from tests.browser.conftest import FLAGS, WAIT_MS
from tests.programs import needed


@asynccontextmanager
async def opened(url: str, number: int = 1, *, address: str = "", is_ready: str = "true") -> AsyncIterator[list[Page]]:
    """Open a page so often, and wait until this expression is true in each; `address` is where its host is."""
    host = url.split("/")[2].partition(":")[0]
    flags = [*FLAGS, *([f"--host-resolver-rules=MAP {host} {address}"] if address else [])]
    complaints: list[str] = []

    def complain(said: ConsoleMessage) -> None:
        if said.type == "error" and not said.location["url"].endswith("/favicon.ico"):  # projects have none
            complaints.append(said.text)

    program = needed("chromium", "chromium")  # before Playwright's own, which asks for more of a system
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=flags)
        pages = []
        for _ in range(number):
            page = await (await browser.new_context(ignore_https_errors=True)).new_page()
            page.set_default_timeout(WAIT_MS)
            page.on("console", complain)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            await page.goto(url)
            await page.wait_for_function(is_ready)
            pages.append(page)
        yield pages
        await browser.close()
    assert complaints == []


async def hear_each_other(pages: Sequence[Page], list_: str) -> None:
    """Write on each of them in turn; all have it in their list."""
    for number, speaks in enumerate(pages):
        text = f"from page {number}"
        await speaks.fill("#text", text)
        await speaks.press("#text", "Enter")
        for page in pages:
            await expect(page.locator(list_)).to_contain_text(text)
