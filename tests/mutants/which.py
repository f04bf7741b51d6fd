"""Which unit tests judge a file, the fast ones first: a mutant that one kills need not meet the next."""

REALTIME, CHAT = "tests/app/realtime/test_", "tests/app/chat/test_"

MACHINE = f"{REALTIME}machine.py::test_the_feed_keeps_the_promise"
ROLLOUT = [f"tests/rollout/test_{name}.py" for name in ("order", "history", "lock", "migrations", "static")]

SLOW = [f"{CHAT}log_store.py::test_two_processes_leave_no_gap"]

JUDGES: dict[str, list[list[str]]] = {
    **{
        f"app/realtime/{name}.py": [[f"{REALTIME}{test}.py" for test in tests.split()]]
        for name, tests in {
            "bucket": "bucket",
            "company": "company feed hub",
            "consumer": "consumer",
            "connections": "worker outlet",
            "drain": "drain worker",
            "edge": "edge",
            "ending": "ending hub presence",
            "feed": "feed company hub lossy",
            "frame": "frame outlet",
            "health": "health hub",
            "hub": "hub lossy health",
            "lossy": "lossy",
            "metrics": "process",
            "origin": "origin",
            "outlet": "outlet socket",
            "presence": "presence",
            "process": "process worker",
            "protocol": "outlet worker",
            "publisher": "publisher hub presence",
            "pubsub": "pubsub",
            "refuse": "origin",
            "socket": "socket drain outlet",
            "worker": "worker",
        }.items()
    },
    **{
        f"app/chat/log/{name}.py": [[f"{CHAT}{test}.py" for test in tests.split()]]
        for name, tests in {
            "batch": "batch log_read",
            "log": "log_store log_read",
            "read": "log_read",
            "rows": "log_store",
            "store": "log_store log_read",
            "thread": "log_store batch",
        }.items()
    },
    **{f"deploy/rollout/{name}.py": [ROLLOUT] for name in ("command", "history", "roll", "swap")},
    "deploy/rollout/probe.py": [["tests/rollout/test_probe.py"]],
}
JUDGES["app/realtime/feed.py"].append([MACHINE])
JUDGES["app/realtime/company.py"].append([MACHINE])
for _name in ("hub", "process", "socket", "consumer", "metrics", "refuse", "origin"):
    JUDGES[f"app/realtime/{_name}.py"].append([f"{CHAT}{test}.py" for test in ("person", "watch", "rooms", "people")])
JUDGES["app/realtime/metrics.py"].append(["tests/app/health/test_health.py"])
for _name in ("log", "read", "store", "rows", "thread"):
    JUDGES[f"app/chat/log/{_name}.py"].append([f"{CHAT}{test}.py" for test in ("epochs", "rooms", "watch", "probe")])
for _name in ("store", "rows"):
    JUDGES[f"app/chat/log/{_name}.py"].append(SLOW)
