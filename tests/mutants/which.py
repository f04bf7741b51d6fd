"""Which unit tests judge a file, the fast ones first: a mutant that one kills need not meet the next."""

SERVING, REALTIME, CHAT = (f"tests/app/{name}/test_" for name in ("parley_serving", "realtime", "chat"))

MACHINE = f"{REALTIME}machine.py::test_the_feed_keeps_the_promise"
ROLLOUT = [
    f"tests/deploy/operations/rollout/test_{name}.py" for name in ("order", "history", "lock", "migrations", "static")
]

LOG_USERS = ("epochs", "rooms", "revocation_watcher", "probe")
CONSUMERS = ("person", "revocation_watcher", "rooms", "people")
SLOW = [f"{CHAT}log_store.py::test_two_processes_leave_no_gap"]

JUDGES: dict[str, list[list[str]]] = {
    **{
        f"app/parley_serving/{name}.py": [tests]
        for name, tests in {
            "bucket": [f"{SERVING}bucket.py"],
            "cancellation": [f"{SERVING}cancellation.py", f"{REALTIME}hub.py", f"{REALTIME}presence.py"],
            "connections": [f"{SERVING}worker.py", f"{REALTIME}socket_writer.py"],
            "conversation": [f"{SERVING}protocol.py"],
            "drain": [f"{SERVING}drain.py", f"{SERVING}worker.py"],
            "edge": [f"{SERVING}edge.py"],
            "intake": [f"{SERVING}intake.py", f"{SERVING}refusals.py", f"{REALTIME}socket_writer.py"],
            "metrics": [f"{REALTIME}process.py"],
            "origin": [f"{SERVING}origin.py", "tests/app/parley_serving/project/test_worker.py"],
            "protocol": [f"{SERVING}protocol.py", f"{REALTIME}socket_writer.py", f"{SERVING}worker.py"],
            "pubsub": [f"{SERVING}pubsub.py"],
            "refuse": [f"{SERVING}refuse.py"],
            "slices": [f"{SERVING}slices.py", f"{SERVING}intake.py"],
            "worker": [f"{SERVING}worker.py"],
        }.items()
    },
    **{
        f"app/realtime/{name}.py": [[f"{REALTIME}{test}.py" for test in tests.split()]]
        for name, tests in {
            "coalescer": "coalescer feed hub",
            "consumer": "consumer",
            "feed": "feed coalescer hub lossy",
            "frame": "frame socket_writer",
            "hub": "hub lossy layer_health",
            "layer_health": "layer_health hub",
            "lossy": "lossy",
            "presence": "presence",
            "process": "process",
            "publisher": "publisher hub presence",
            "socket": "socket socket_writer",
            "socket_writer": "socket_writer socket",
        }.items()
    },
    **{
        f"app/chat/log/{name}.py": [[f"{CHAT}{test}.py" for test in tests.split()]]
        for name, tests in {
            "batch": "batch log_read",
            "claims": "claims",
            "log": "log_store log_read claims turns",
            "marks": "claims",
            "read": "log_read turns claims",
            "rows": "log_store",
            "store": "log_store log_read",
            "thread": "thread log_store batch",
            "turns": "turns",
        }.items()
    },
    **{f"deploy/operations/rollout/{name}.py": [ROLLOUT] for name in ("command", "history", "steps", "swap")},
    "deploy/operations/rollout/probe.py": [["tests/deploy/operations/rollout/test_probe.py"]],
}
JUDGES["app/realtime/feed.py"].append([MACHINE])
JUDGES["app/realtime/coalescer.py"].append([MACHINE])
for _name in ("realtime/hub", "realtime/process", "realtime/socket", "realtime/consumer"):
    JUDGES[f"app/{_name}.py"].append([f"{CHAT}{test}.py" for test in CONSUMERS])
for _name in ("metrics", "refuse", "origin"):
    JUDGES[f"app/parley_serving/{_name}.py"].append([f"{CHAT}{test}.py" for test in CONSUMERS])
JUDGES["app/parley_serving/metrics.py"].append(["tests/app/parley_serving/test_health.py", f"{CHAT}log_store.py"])
for _name in ("log", "read", "store", "rows", "thread"):
    JUDGES[f"app/chat/log/{_name}.py"].append(
        [f"{CHAT}{test}.py" for test in ("epochs", "rooms", "revocation_watcher", "probe")]
    )
for _name in ("store", "rows"):
    JUDGES[f"app/chat/log/{_name}.py"].append(SLOW)
