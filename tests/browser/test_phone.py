"""A room on a small phone: nothing that one can do on a wide screen is missing."""

import uuid
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from deploy.effects.client.http_client import HttpClient
from tests.browser.conftest import WAIT_MS, Come
from tests.running import RunningStack

pytestmark = [pytest.mark.browser, pytest.mark.stack]
WIDTH, HEIGHT = 360, 640
PASSWORD = "a long enough one"


@pytest.fixture
async def phone(browser: Browser) -> AsyncIterator[Page]:
    """A page as wide as the smallest phones are."""
    context = await browser.new_context(
        ignore_https_errors=True, viewport={"width": WIDTH, "height": HEIGHT}, is_mobile=True, has_touch=True
    )
    page = await context.new_page()
    page.set_default_timeout(WAIT_MS)
    yield page
    await context.close()


async def sign_up(stack: RunningStack) -> str:
    """Make an account from outside, and return its username."""
    username = f"u{uuid.uuid4().hex[:8]}"
    fields = {"username": username, "name": f"Bea {username}", "password1": PASSWORD, "password2": PASSWORD}
    assert (await HttpClient(stack.address).post("/accounts/signup/", fields)).status == 302
    return username


async def reached(control: Locator) -> Locator:
    """Bring a control onto the screen as a finger would, whole, and return it."""
    await control.scroll_into_view_if_needed()
    await expect(control).to_be_in_viewport(ratio=1)
    box = await control.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= WIDTH
    assert await control.page.evaluate("document.documentElement.scrollWidth") <= WIDTH
    return control


async def test_members_are_let_in_and_taken_out(stack: RunningStack, phone: Page) -> None:
    """The list of members, and the form that lets people in, which a narrow screen once had not."""
    other = await sign_up(stack)
    await phone.goto(f"{stack.url}/accounts/signup/")
    for field in ("username", "name"):
        await phone.fill(f"[name={field}]", f"a{uuid.uuid4().hex[:8]}")
    for field in ("password1", "password2"):
        await phone.fill(f"[name={field}]", PASSWORD)
    await phone.tap('form:has([name=password1]) button:not([name="language"])')
    await phone.fill("[name=title]", "Club")
    await phone.select_option("[name=kind]", "members")
    await phone.tap('form[action="/rooms/"] button')
    await expect(phone.locator("#status")).to_have_attribute("data-state", "online")

    members, add = phone.locator("ul.members li"), phone.locator("form.letin")
    await expect(add).to_be_hidden()  # the messages come first
    await (await reached(phone.locator("#belonging summary"))).tap()
    await (await reached(add.locator("[name=username]"))).fill("nobody-at-all")
    await (await reached(add.locator("button"))).tap()
    await expect(await reached(add.locator(".errorlist"))).to_be_visible()  # open, for it says why
    await (await reached(add.locator("[name=username]"))).fill(other)
    await (await reached(add.locator("button"))).tap()
    await expect(phone.locator(".messages")).to_be_visible()

    await (await reached(phone.locator("#belonging summary"))).tap()
    await expect(members).to_have_count(2)
    await expect(phone.locator("#text")).to_be_in_viewport(ratio=1)  # the open list scrolls in itself
    his = members.filter(has_text=other)
    await reached(his.locator("bdi"))
    await (await reached(his.locator("button"))).tap()
    await expect(phone.locator(".messages")).to_be_visible()
    await (await reached(phone.locator("#belonging summary"))).tap()
    await expect(members).to_have_count(1)
    await phone.set_viewport_size({"width": 1024, "height": 768})
    await phone.reload()
    await expect(add).to_be_visible()


async def test_the_header_leaves_the_room_its_space(come: Come, stack: RunningStack) -> None:
    """In the longer of the two languages: name, sign-up and log-out are one row."""
    width = {"width": 390, "height": 844}
    reader = await come(stack, "Ana", viewport=width, is_mobile=True, has_touch=True, locale="es-ES")
    name = await reader.page.locator(".me .name").bounding_box()
    leave = await reader.page.locator(".me button").bounding_box()
    assert name is not None
    assert leave is not None
    assert leave["y"] < name["y"] + name["height"]  # not below it
