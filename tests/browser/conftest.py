"""A browser, and people in it."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.programs import needed
from tests.running import RunningStack

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
WAIT_MS = 30_000  # a bound: what is awaited comes much sooner
TRIES = 12  # people who come until one of them is on another instance; least_conn makes it the second
expect.set_options(timeout=WAIT_MS)

Come = Callable[..., Awaitable["Reader"]]


class Reader:
    """One person with a browser of their own, in the lobby."""

    def __init__(self, context: BrowserContext, page: Page, name: str) -> None:
        self.context, self.page, self.name = context, page, name
        self.texts = page.locator("#log .text")
        self.status = page.locator("#status")

    async def enter(self, url: str) -> None:
        """Come in as a guest by the form that a visitor finds."""
        await self.page.goto(f"{url}/rooms/lobby/")
        form = self.page.locator('form[action="/accounts/guest/"]')
        await form.locator("[name=name]").fill(self.name)
        await form.locator("button").click()
        await self.online()

    async def online(self) -> None:
        """Wait for a connection that has joined: the people are told by the join."""
        await expect(self.status).to_have_attribute("data-state", "online")
        await expect(self.page.locator("#count")).not_to_have_text("0")

    async def instance(self) -> str:
        """Return the instance that `welcome` named."""
        return await self.status.get_attribute("data-instance") or ""

    async def write(self, text: str) -> None:
        """Type a message and press Enter."""
        await self.page.fill("#text", text)
        await self.page.press("#text", "Enter")

    async def say(self, text: str) -> None:
        """Write, and wait until the log has it."""
        await self.write(text)
        await expect(self.page.locator("#waiting li")).to_have_count(0)
        await self.reads(text)

    async def reads(self, text: str) -> None:
        """Wait until the text stands among the messages, once."""
        await expect(self.texts.filter(has_text=text)).to_have_count(1)


@pytest.fixture
def chromium() -> Path:
    """Debian's Chromium."""
    return needed("chromium", "chromium")


@pytest.fixture
async def browser(chromium: Path) -> AsyncIterator[Browser]:
    """It, running."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield browser
        await browser.close()


@pytest.fixture
async def come(browser: Browser) -> AsyncIterator[Come]:
    """Let somebody come to a stack's lobby; whatever their console complained of fails the test at its end."""
    complaints: list[str] = []

    def complain(name: str, text: str) -> None:
        if re.search(r"violates the following Content Security Policy|Refused to", text):
            complaints.append(f"{name}: {text}")

    async def enter(stack: RunningStack, name: str, **options: Any) -> Reader:
        context = await browser.new_context(ignore_https_errors=True, **options)
        page = await context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: complaints.append(f"{name}: {error}"))
        page.on("console", lambda message: complain(name, message.text))
        reader = Reader(context, page, name)
        await reader.enter(stack.url)
        return reader

    yield enter
    assert not complaints


async def apart(come: Come, stack: RunningStack, first: str, second: str) -> tuple[Reader, Reader]:
    """Let two people come whose instances differ; nginx chooses, so others may come in between and stay."""
    one = await come(stack, first)
    for number in range(TRIES):
        two = await come(stack, second if number == 0 else f"{second} {number}")
        if await two.instance() != await one.instance():
            return one, two
    raise AssertionError(f"{TRIES} people came, all to {await one.instance()}")
