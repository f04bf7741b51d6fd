"""Two people in two browsers, through nginx, on two instances of the real stack."""

import os
import re
import signal
import uuid

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Come, apart
from tests.running import RunningStack

pytestmark = [pytest.mark.browser, pytest.mark.stack]


def unique(text: str) -> str:
    """Make a text that no other test of this stack has written."""
    return f"{text} {uuid.uuid4().hex[:8]}"


@pytest.mark.short
async def test_they_talk_across_instances(stack: RunningStack, come: Come) -> None:
    """Each reads what the other writes, once; a reload keeps it; who came is said."""
    ana, ben = await apart(come, stack, "Ana", "Ben")
    assert {await ana.instance(), await ben.instance()} == {"web-1", "web-2"}
    hello, answer = unique("hello"), unique("answer")
    await ana.say(hello)
    await ben.reads(hello)
    await ben.say(answer)
    await ana.reads(answer)
    await ana.page.reload()
    await ana.online()
    for text in (hello, answer):
        await ana.reads(text)


async def test_who_is_here_and_who_writes(stack: RunningStack, come: Come) -> None:
    """People, comings, leavings and writing are shown to the others."""
    ana, ben = await apart(come, stack, unique("Ana"), unique("Ben"))
    await expect(ana.page.locator("#people")).to_contain_text(ben.name)
    await expect(ben.page.locator("#people")).to_contain_text(ana.name)
    await expect(ana.page.locator("#people li").filter(has_text=ben.name).locator(".tag")).to_have_text("guest")
    await expect(ana.page.locator("#log .note").filter(has_text=ben.name)).to_have_count(1)
    await ben.page.locator("#text").press_sequentially("I am")
    await expect(ana.page.locator("#typing")).to_contain_text(ben.name)
    await expect(ana.page.locator("#typing")).to_contain_text("(guest)")
    await ben.context.close()
    await expect(ana.page.locator("#people")).not_to_contain_text(ben.name)


async def test_an_instance_killed_loses_nothing(stack: RunningStack, come: Come) -> None:
    """What is written while an instance dies arrives, once and in order, on both pages."""
    ana, ben = await apart(come, stack, "Ana", "Ben")
    mark = uuid.uuid4().hex[:8]
    texts = [f"{mark} number {number}" for number in range(12)]
    instance = await ana.instance()
    victim = next(one for one in stack.instances if one.name == instance)
    for number, text in enumerate(texts):
        if number == 4:
            for pid in victim.workers():
                os.kill(pid, signal.SIGKILL)
        await ana.write(text)
    for reader in (ana, ben):
        await expect(reader.texts.filter(has_text=mark)).to_have_text(texts)
    await expect(ana.page.locator("#waiting li")).to_have_count(0)
    await ana.online()
    await ana.page.reload()
    await ana.online()
    await expect(ana.texts.filter(has_text=mark)).to_have_text(texts)


async def test_text_is_text(stack: RunningStack, come: Come) -> None:
    """Markup, right-to-left, emoji and line ends are shown as they were written, and nothing of it runs."""
    ana, ben = await apart(come, stack, "<img src=x onerror=alert(1)>", "Ben")
    dialogs: list[str] = []
    for reader in (ana, ben):
        reader.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    mark = uuid.uuid4().hex[:8]
    for text in (
        f"<script>alert('{mark}')</script>",
        f"<img src=x onerror=alert('{mark}')>",
        f"مرحبا 👩‍🚀 {mark} &amp; done",
    ):
        await ana.say(text)
        await expect(ben.texts.filter(has_text=text)).to_have_text(text)
    await ana.page.fill("#text", f"first {mark}")
    await ana.page.press("#text", "Shift+Enter")
    await ana.page.type("#text", "second")
    await ana.page.press("#text", "Enter")
    await expect(ben.texts.last).to_have_text(f"first {mark}\nsecond", use_inner_text=True)
    await expect(ben.page.locator("#people")).to_contain_text("<img src=x onerror=alert(1)>")
    assert await ben.page.locator("main script:not([type]), main img").count() == 0
    assert dialogs == []


async def test_too_long_is_counted_and_held_back(stack: RunningStack, come: Come) -> None:
    """The page counts as the server does, in code points: 4 000 go, 4 001 do not."""
    ana = await come(stack, "Ana")
    mark = uuid.uuid4().hex[:8]
    most = mark + "👋" * (4000 - len(mark))
    await ana.page.fill("#text", most + "!")
    await expect(ana.page.locator("#composer button")).to_be_disabled()
    await ana.page.press("#text", "Enter")
    await expect(ana.page.locator("#counter")).to_contain_text("1")
    await ana.say(most)


async def test_offline_is_caught_up(stack: RunningStack, come: Come) -> None:
    """Without a network one goes on writing; when it is back both have everything, in order."""
    ana, ben = await apart(come, stack, "Ana", "Ben")
    mark = uuid.uuid4().hex[:8]
    await ana.context.set_offline(True)
    await ana.write(f"{mark} from the tunnel")
    await expect(ana.page.locator("#waiting")).to_contain_text(mark)
    await ben.say(f"{mark} outside")
    await ana.context.set_offline(False)
    for reader in (ana, ben):
        await expect(reader.texts.filter(has_text=mark)).to_have_count(2)
    await expect(ana.page.locator("#waiting li")).to_have_count(0)


async def test_unsent_survives_a_reload(stack: RunningStack, come: Come) -> None:
    """What could not be sent is still there after the page was loaded anew, and goes out then, once."""
    ana = await come(stack, "Ana")
    text = unique("kept")
    await ana.page.route_web_socket(re.compile(r".*/ws/chat/$"), lambda _socket: None)  # a server that says nothing
    await ana.page.reload()
    await ana.write(text)
    await expect(ana.page.locator("#waiting")).to_contain_text(text)
    fresh = await ana.context.new_page()
    kept = await ana.page.evaluate("JSON.stringify(sessionStorage)")
    await ana.page.close()
    await fresh.add_init_script(f"for (const [k, v] of Object.entries({kept})) sessionStorage.setItem(k, v);")
    await fresh.goto(f"{stack.url}/rooms/lobby/")
    await expect(fresh.locator("#log .text").filter(has_text=text)).to_have_count(1)
    await expect(fresh.locator("#waiting li")).to_have_count(0)


async def test_history_comes_by_scrolling(stack: RunningStack, come: Come) -> None:
    """A page begins with the newest and fetches older ones, each once and in order."""
    ana = await come(stack, "Ana")
    mark = uuid.uuid4().hex[:8]
    for number in range(70):
        await ana.write(f"{mark} {number:02}")
    await expect(ana.texts.filter(has_text=mark)).to_have_count(70)
    await ana.page.reload()
    await ana.online()
    await ana.reads(f"{mark} 69")
    assert await ana.texts.filter(has_text=mark).count() <= 50
    await ana.page.locator("#scroll").evaluate("element => element.scrollTo(0, 0)")
    await expect(ana.texts.filter(has_text=mark)).to_have_text([f"{mark} {number:02}" for number in range(70)])


async def test_spanish(stack: RunningStack, come: Come) -> None:
    """Somebody whose browser is Spanish reads Spanish, also what the modules say."""
    ana = await come(stack, "Ana", locale="es-ES")
    await expect(ana.page.locator("html")).to_have_attribute("lang", "es")
    await expect(ana.status).to_have_text("En línea")
    await expect(ana.page.locator("#composer button")).to_have_text("Enviar")
    await ana.page.locator("footer button[value=en]").click()
    await expect(ana.status).to_have_text("Connected")


async def test_logged_out_elsewhere(stack: RunningStack, come: Come) -> None:
    """A page whose session ended goes to where one comes in, and comes back from there."""
    ana = await come(stack, "Ana")
    other = await ana.context.new_page()
    await other.goto(stack.url)
    await other.locator('form[action="/accounts/logout/"] button').click()
    await expect(other).to_have_url(re.compile("/accounts/login/"))
    await expect(ana.page).to_have_url(re.compile(r"/accounts/login/\?next=%2Frooms%2Flobby%2F$"))
