"""docs/operator.md, the index for the operator on call: `PYTHONPATH=app:. .venv/bin/python -m tests.docs.operator`.

What is listed comes from the alerts, the checks, the runbooks, the protocol, the pitfalls and the code's own log lines;
where a line leads that has no page of its own is told here.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from deploy.operations.doctor.checks import CHECKS
from deploy.operations.runbooks import page as runbooks
from tests.checkout import ROOT
from tests.deploy.text.prometheus.rendered import alerts

PAGE = ROOT / "docs" / "operator.md"
HEAD = """\
# Operator's index

Something is wrong? Start here:

```sh
export PARLEY_STACK=local
./parley doctor
./parley runbook list
./parley runbook show redis-down
./parley runbook run redis-down
```

The first line names your stack: `local`, `compose` or `systemd`. `./parley doctor` names what is broken, with the fix
and the page to read. `./parley runbook` lists the [runbooks](runbooks/README.md), prints one, and runs one.

Or search this page for what you have: an alert, a finding of the doctor, a code, a log line, or what a user reports.
The right column has the page to read.

A test writes this page from the alerts, the checks, the runbooks, the protocol, the pitfalls and the app's log lines.
Change those, and then run `PYTHONPATH=app:. python -m tests.docs.operator`.
"""

DATABASE, REDIS = "@database-down", "@redis-down"
# What people say → where it leads: `@name` is a runbook, `name` a check with `!`, the rest a path of docs.
PEOPLE = {
    "the site does not open": ["@site-down", "!edge-answers"],
    "the browser warns of the certificate": ["@certificate", "!certificate-lasts", "!certificate-names-the-site"],
    "messages of others arrive late": ["@messages-late", REDIS],
    "messages do not arrive at all; the room is silent": [
        "!message-comes-back",
        "pitfalls/C5-redis-forgot-the-groups.md",
    ],
    "“Reconnecting…” again and again": ["@sockets-drop", "!idle-socket-lives", "@worker-restarts"],
    "“Reconnecting…” and it never connects again": ["@instance-down", "!own-origin-is-let-in", "@reconnect-storm"],
    "“You are offline”": ["the user's own network, as the browser reports: nothing to fix here"],
    "“sending…” stays": [DATABASE, "!message-comes-back"],
    "“Too many messages are waiting to be sent.”": [DATABASE],
    "“You are logged out. Please log in again.”": ["a session ended: protocol.md#close-codes"],
    "“This account is banned.”": ["@abusive-user"],
    "I cannot log in: too many attempts": ["protocol.md#limits", "!addresses-cannot-be-forged"],
    "nobody can log in": ["pitfalls/P1-origin-checking-failed.md", DATABASE],
    "somebody floods a room, or abuses others": ["@abusive-user"],
    "a message is shown twice, or is missing": ["pitfalls/K5-sent-twice.md", "pitfalls/K3-history-then-join.md"],
    "more people are shown online than there are": ["pitfalls/K7-ghosts.md"],
    "a page has no style; static files answer 404": ["!pages-have-their-files"],
    "the disk is full": ["@disk-full", "!disk-has-room"],
}
# A code of docs/protocol.md → where it leads.
CODES = {
    "400": ["a client that is no browser, or a Host that `PARLEY_HOSTS` lacks: configuration.md"],
    "403": ["!own-origin-is-let-in", "pitfalls/P2-origin-not-checked.md"],
    "404": ["pitfalls/N1-upgrade-not-passed.md", "pitfalls/A2-no-websocket-library.md"],
    "429": ["@reconnect-storm", "pitfalls/N12-no-limit-per-address.md"],
    "431": ["a client that is no browser: protocol.md#the-handshake"],
    "503": [DATABASE],
    "1000": ["the page was closed: nothing to do"],
    "1003": ["a bug in that client: protocol.md#frames"],
    "1006": ["no close frame arrived: pitfalls/L2-stop-times-add-up.md", "pitfalls/A3-mixed-content.md"],
    "1007": ["a bug in that client: pitfalls/B2-bad-input-ends-the-socket.md"],
    "1009": ["a bug in that client: protocol.md#limits"],
    "1011": ["a bug in Parley; the log has it", "pitfalls/N2-idle-sockets-cut.md"],
    "1012": ["@drain", "@release", "pitfalls/K1-thundering-herd.md"],
    "1013": ["@replicas", "configuration.md"],
    "4401": ["a session ended, or guests are not let in: protocol.md#the-handshake"],
    "4403": ["@abusive-user"],
    "4408": ["that client reads too slowly: protocol.md#limits"],
    "4429": ["@abusive-user", "pitfalls/P5-flood.md"],
}
SETTINGS = "your-project-settings.md"
# An error code of docs/protocol.md → where it leads; what is not here is that client's own affair.
OWN = "the request of that client is wrong: protocol.md#error-codes"
ERRORS = {
    "unavailable": [DATABASE, "pitfalls/L7-database-is-locked.md"],
    "rate_limited": ["@abusive-user", "protocol.md#limits"],
    "bad_credentials": ["protocol.md#limits"],
}
# A warning or an error of the app's log → where it leads.
LINES = {
    "a batch of messages could not be stored": ["a bug in Parley: its senders got `unavailable`"],
    "room …: stored entries could not be published; the poll delivers them": ["a bug in Parley: no message is lost"],
    "a sender got no answer about its message": ["a bug in Parley: the page sends it again with the same key"],
    "a read from the database failed": ["a bug in Parley: the clients that waited got `unavailable`"],
    "database: …: …": [DATABASE, "pitfalls/L7-database-is-locked.md", "pitfalls/B7-too-many-clients.md"],
    "a socket is closed for flooding: … frames refused in a row": ["@abusive-user"],
    "a socket is closed for flooding: …": ["@abusive-user"],
    "a socket is closed for what it sent: …": ["a bug in that client, or an attack: protocol.md#close-codes"],
    "handshake refused: … …": ["no browser sends such a handshake: protocol.md#the-handshake"],
    "user … made … of … within a day: one more is refused": ["@abusive-user"],
    "a message of user … cannot be stored: …": ["that sender got `bad_field`: protocol.md#error-codes"],
    "a frame has what the database cannot hold: …": ["that client got `bad_field`: protocol.md#error-codes"],
    "a form has what the database cannot hold: …": ["that client got 400"],
    "an address of the admin names no field: …": ["that client got 400"],
    "a log-in is locked: too many tries of …": ["protocol.md#limits", "!addresses-cannot-be-forged"],
    "nobody new is let in: address=… made … people": ["protocol.md#limits", "!addresses-cannot-be-forged"],
    "a socket is refused, too many are open: person … address=…": ["configuration.md#app", "@abusive-user"],
    "too many wait for their session: …": ["protocol.md#limits", "@abusive-user"],
    "too many wait: limit=… address=… waiting=…": ["protocol.md#limits", "@abusive-user"],
    "nobody new is let in from the browser of person …, who is banned": ["@abusive-user"],
    "no new guest is let in: address=… is that of person …, who is banned": ["@abusive-user"],
    "person … reads too many messages and is refused for now": ["@abusive-user", "protocol.md#limits"],
    "person … reads too many messages and is slowed down": ["@abusive-user", "protocol.md#limits"],
    "room …: person … claims too often that its log lost entries": ["@abusive-user", "decisions/histories.md"],
    "room …: person … shows that its log lost entries, up to …: all start again": [
        "@restore",
        "decisions/histories.md",
    ],
    "handshake refused: nobody can be authenticated now: …": [DATABASE],
    "the revocation check failed; trying again": ["a bug in Parley: decisions/revocations.md"],
    "the connection to nginx failed; trying again": ["a bug in Parley: decisions/reloads.md"],
    "a task did not end in time: …": ["a task that did not end in time: pitfalls/L3-timeout-kills-a-drain.md"],
    "… failed: …: …": ["the clean-up of every day: its own line before has the error", "!beside-it-runs"],
    "… failed: …: …; it runs again at … UTC": ["your-project.md#a-command-of-every-day", "!beside-it-runs"],
    "channel layer is …": [REDIS, "!layer-is-permitted"],
    "handshake refused: …": ["!own-origin-is-let-in", "pitfalls/P2-origin-not-checked.md"],
    "the project cannot start: …": [SETTINGS],
    "… imports models before Django's application is made (…): made first now": ["pitfalls/A1-apps-not-loaded.md"],
    "CHANNEL_LAYERS stays the project's: it has no channels-redis, and its instances do not hear each other": [
        SETTINGS
    ],
    "… names a Redis on this machine; name one in [project.env]": [SETTINGS],
    "CACHES[…] is in the memory of each process: instances do not share it": [SETTINGS],
    "LOGGING: … writes to the console, as the project's folder is not written to": [SETTINGS],
    "presence failed; trying again": ["a bug in Parley: decisions/presence.md"],
    "the connection to Redis was lost": [REDIS],
    "room …: the log cannot be read; the next poll tries again": [DATABASE],
    "room …: a socket could not catch up, it joins again": ["a bug in Parley: no message is lost", DATABASE],
    "the hub stopped and is restarted: …": [
        REDIS,
        "!layer-is-permitted",
        "pitfalls/C6-redis-restart-ends-sockets.md",
    ],
    "unknown message on the channel layer dropped: …": [
        "two sites, or two different releases, share one Redis: decisions/channel-layer.md"
    ],
    "the database does not answer; polling again": [DATABASE],
    "the poll failed; polling again": ["a bug in Parley: entries that the layer loses arrive late"],
    "room …: its history or its address was replaced, its sockets join again": ["@restore", "decisions/histories.md"],
    "consumer failed": ["a bug in Parley; it closed one socket with 1011: pitfalls/B2-bad-input-ends-the-socket.md"],
}
TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
ROW = re.compile(r"^\| (.+?) \| (.+) \|$", re.MULTILINE)
DOC = re.compile(r"(?:\.\./)?[\w/-]+\.md(?:#[\w-]+)?$")
LOUD = {"warning", "error", "exception", "critical", "log"}


def text() -> str:
    """Return the page."""
    parts = [HEAD, *_parts()]
    return "\n".join(parts)


def _parts() -> Iterator[str]:
    yield _table("What users report", "report", [(said, _where(found)) for said, found in PEOPLE.items()])
    yield _table("Alerts", "alert", [(f"`{one['alert']}`", _alert(one)) for one in alerts()])
    yield _table("Findings of the doctor", "id", [(f"`{check.id}`", _check(check.id)) for check in CHECKS])
    yield _table("Runbooks", "problem", [(runbooks.read(name).title, _runbook(name)) for name in runbooks.names()])
    yield _table("HTTP answers to a WebSocket handshake", "status", _codes("The handshake", r"\| (\d{3})"))
    yield _table("Close codes", "code", [*_codes("Close codes", r"\| (\d{4})"), ("1006", _where(CODES["1006"]))])
    yield _table("Error codes", "code", _errors())
    yield _table("Log lines of the app", "line", [(f"`{line}`", _where(LINES[line])) for line in lines()])
    yield _symptoms()


def _table(title: str, what: str, rows: list[tuple[str, str]]) -> str:
    body = "".join(f"| {first} | {second} |\n" for first, second in rows)
    return f"## {title}\n\n| {what} | read |\n|---|---|\n{body}"


def _where(found: list[str]) -> str:
    """Join the links; where all of them are runbooks that are not written, the doctor has to do."""
    return ", ".join(filter(None, map(_link, found))) or "[the doctor](doctor.md)"


def _link(to: str) -> str:
    """Write one place as a link: a runbook (empty where it is not written), a check, or a page with words before it."""
    if to.startswith("@"):
        return _runbook(to[1:]) if to[1:] in runbooks.names() else ""
    if to.startswith("!"):
        return f"[{to[1:]}](doctor.md#{to[1:]})"
    if not (found := DOC.search(to)):
        return to
    path = ROOT / "docs" / found[0].partition("#")[0]
    title = TITLE.search(path.read_text())
    anchor = found[0].partition("#")[2].replace("-", " ")
    return f"{to[: found.start()]}[{anchor or (title[1] if title else path.stem)}]({found[0]})"


def _runbook(name: str) -> str:
    return f"[{name}](runbooks/{name}.md)"


def _alert(alert: dict[str, dict[str, str]]) -> str:
    return _link(f"@{alert['annotations']['runbook']}")


def _check(identity: str) -> str:
    """Link what the check says, its page, and the runbooks whose diagnosis it is."""
    [check] = [check for check in CHECKS if check.id == identity]
    page = check.page.removeprefix("docs/") if check.page.startswith("docs/") else f"../{check.page}"
    books = [f"@{name}" for name in runbooks.names() if identity in runbooks.read(name).sections["Diagnosis"]]
    return f"[{check.sentence}](doctor.md#{identity}): {_where([*books, page])}"


def _section(title: str) -> str:
    wire = (ROOT / "docs" / "protocol.md").read_text()
    return re.split(r"^#+ ", wire.split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def _codes(title: str, pattern: str) -> list[tuple[str, str]]:
    rows = re.findall(rf"^{pattern}[^|]*\| ([^|]+?) \|", _section(title), re.MULTILINE)
    return [(f"{code}: {when}", _where(CODES[code])) for code, when in rows]


def _errors() -> list[tuple[str, str]]:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", _section("Error codes"), re.MULTILINE)
    return [(f"`{code}`: {when}", _where(ERRORS.get(code, [OWN]))) for code, when in rows]


def lines() -> list[str]:
    """Return what the app says at warning and above, `…` for what differs, as its sources have it."""
    files = sorted((ROOT / "app").rglob("*.py"))
    return list(dict.fromkeys(line for file in files for line in _said(file)))


def _said(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LOUD):
            continue
        if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "log"):
            continue
        texts = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        yield re.sub(r"%[-.\d]*[a-z]", "…", texts[0])


def _symptoms() -> str:
    """Copy the pitfalls' index by symptom."""
    index = (ROOT / "docs" / "pitfalls" / "README.md").read_text()
    body = index.split("## By symptom\n", 1)[1].split("\n## ", 1)[0]
    rows = [
        (seen, page.replace("](", "](pitfalls/"))
        for seen, page in ROW.findall(body)
        if seen not in {"what is seen", "---"}
    ]
    return _table("Log lines and symptoms of Channels, nginx, gunicorn and Redis", "line or symptom", rows)


if __name__ == "__main__":
    PAGE.write_text(text())
