"""docs/operator.md, the index for whoever was woken up: `PYTHONPATH=app:. .venv/bin/python -m tests.docs.operator`.

What is listed comes from the alerts, the checks, the runbooks, the protocol, the pitfalls and the code's own log lines;
where a line leads that has no page of its own is told here.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from deploy.doctor.checks import CHECKS
from deploy.runbooks import page as runbooks
from tests.docs.pages import ROOT
from tests.prometheus.rendered import alerts

PAGE = ROOT / "docs" / "operator.md"
HEAD = """\
# What is seen, and where to read

Search this page for what you have: an alert's name, an id of the doctor, a code, a line of a log, what people say. It
is written by `PYTHONPATH=app:. python -m tests.docs.operator` from the alerts, the checks, the runbooks, the protocol,
the pitfalls and the app's own log lines: change those.

```sh
export PARLEY_STACK=local
./parley doctor
./parley runbook list
./parley runbook show redis-down
./parley runbook run redis-down
```

With nothing to search for, begin with the doctor: it says what is broken, with the fix and the page. The first line
names the stack: `local`, `compose` or `systemd` ([runbooks](runbooks/README.md)).
"""

DATABASE, REDIS = "@database-down", "@redis-down"
# What people say → where it leads: `@name` is a runbook, `name` a check with `!`, the rest a path of docs.
PEOPLE = {
    "the site does not open": ["@site-down", "!edge-answers"],
    "the browser warns of the certificate": ["@certificate", "!certificate-lasts", "!certificate-names-the-site"],
    "messages of others come late": ["@messages-late", REDIS],
    "messages do not come at all; the room is silent": [
        "!message-comes-back",
        "pitfalls/C5-redis-forgot-the-groups.md",
    ],
    "“Reconnecting…” again and again": ["@sockets-drop", "!idle-socket-lives", "@worker-restarts"],
    "“Reconnecting…” and never in again": ["@instance-down", "!own-origin-is-let-in", "@reconnect-storm"],
    "“You are offline”": ["the person's own network, as the browser says: nothing of ours"],
    "“sending…” stays": [DATABASE, "!message-comes-back"],
    "“Too many messages are waiting to be sent.”": [DATABASE],
    "“You are logged out. Please log in again.”": ["a session ended: protocol.md#close-codes"],
    "“This account is banned.”": ["@abusive-user"],
    "I cannot log in; too many tries": ["protocol.md#limits", "!addresses-cannot-be-forged"],
    "nobody can log in": ["pitfalls/P1-origin-checking-failed.md", DATABASE],
    "somebody floods a room, or abuses the others": ["@abusive-user"],
    "a message is there twice, or missing": ["pitfalls/K5-sent-twice.md", "pitfalls/K3-history-then-join.md"],
    "more people online than there are": ["pitfalls/K7-ghosts.md"],
    "a page without style; static files are 404": ["!pages-have-their-files"],
    "the disk is full": ["@disk-full", "!disk-has-room"],
}
# A code of docs/protocol.md → where it leads.
CODES = {
    "403": ["!own-origin-is-let-in", "pitfalls/P2-origin-not-checked.md"],
    "404": ["pitfalls/N1-upgrade-not-passed.md", "pitfalls/A2-no-websocket-library.md"],
    "429": ["@reconnect-storm", "pitfalls/N12-no-limit-per-address.md"],
    "503": [DATABASE],
    "1000": ["a page that was closed: nothing"],
    "1003": ["a fault of that client: protocol.md#frames"],
    "1006": ["no close frame came: pitfalls/L2-stop-times-add-up.md", "pitfalls/A3-mixed-content.md"],
    "1007": ["a fault of that client: pitfalls/B2-bad-input-ends-the-socket.md"],
    "1009": ["a fault of that client: protocol.md#limits"],
    "1011": ["a fault of ours, which is in the log", "pitfalls/N2-idle-sockets-cut.md"],
    "1012": ["@drain", "@release", "pitfalls/K1-thundering-herd.md"],
    "1013": ["@replicas", "configuration.md"],
    "4401": ["a session ended, or guests are not let in: protocol.md#the-handshake"],
    "4403": ["@abusive-user"],
    "4408": ["a reader that is too slow: protocol.md#limits"],
    "4429": ["@abusive-user", "pitfalls/P5-flood.md"],
}
# An error code of docs/protocol.md → where it leads; what is not here is that client's own affair.
OWN = "that client's own affair: protocol.md#error-codes"
ERRORS = {
    "unavailable": [DATABASE, "pitfalls/L7-database-is-locked.md"],
    "rate_limited": ["@abusive-user", "protocol.md#limits"],
    "bad_credentials": ["protocol.md#limits"],
}
# A warning or an error of the app's log → where it leads.
LINES = {
    "a batch could not be stored": ["a fault of ours: its senders were told `unavailable`"],
    "room …: what was stored could not be told; the poll tells it": ["a fault of ours: nothing is missed"],
    "a sender could not be told what became of its message": ["a fault of ours: the page repeats it with the same key"],
    "a reading failed": ["a fault of ours: who waited for it was told `unavailable`"],
    "database: …: …": [DATABASE, "pitfalls/L7-database-is-locked.md", "pitfalls/B7-too-many-clients.md"],
    "a socket is closed for flooding: … frames refused in a row": ["@abusive-user"],
    "handshake refused: nobody can be authenticated now: …": [DATABASE],
    "the watch failed; it goes on": ["a fault of ours: decisions/revocations.md"],
    "left behind: …": ["a task that did not end in time: pitfalls/L3-timeout-kills-a-drain.md"],
    "channel layer is …": [REDIS],
    "handshake refused: …": ["!own-origin-is-let-in", "pitfalls/P2-origin-not-checked.md"],
    "presence failed; it goes on": ["a fault of ours: decisions/presence.md"],
    "the connection to Redis was lost": [REDIS],
    "room …: the log cannot be read; the next poll tries again": [DATABASE],
    "room …: a socket could not be brought up, it joins again": ["a fault of ours: nothing is missed", DATABASE],
    "hub ended and is rebuilt: …": [REDIS, "pitfalls/C6-redis-restart-ends-sockets.md"],
    "message of another shape dropped: …": ["two sites, or two releases, on one Redis: decisions/channel-layer.md"],
    "the log does not answer; polled again": [DATABASE],
    "the poll failed; polled again": ["a fault of ours: what the layer loses stays lost until it goes on"],
    "room …: its history or its address was replaced, its sockets join again": ["@restore", "decisions/histories.md"],
    "consumer failed": ["a fault of ours, one socket closed with 1011: pitfalls/B2-bad-input-ends-the-socket.md"],
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
    yield _table("What people say", "they say", [(said, _where(found)) for said, found in PEOPLE.items()])
    yield _table("Alerts", "alert", [(f"`{one['alert']}`", _alert(one)) for one in alerts()])
    yield _table("The doctor's findings", "id", [(f"`{check.id}`", _check(check.id)) for check in CHECKS])
    yield _table("Runbooks", "what", [(runbooks.read(name).title, _runbook(name)) for name in runbooks.names()])
    yield _table("Answers to a handshake", "status", _codes("The handshake", r"\| (\d{3})"))
    yield _table("Close codes", "code", [*_codes("Close codes", r"\| (\d{4})"), ("1006", _where(CODES["1006"]))])
    yield _table("Error codes", "code", _errors())
    yield _table("Lines of the app's log", "line", [(f"`{line}`", _where(LINES[line])) for line in lines()])
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
    return _table("Lines and symptoms of this stack anywhere", "what is seen", rows)


if __name__ == "__main__":
    PAGE.write_text(text())
