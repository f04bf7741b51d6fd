"""The rules that hold because two tiers are rendered from one number: read back from the text, which a template or a
stack could get wrong all the same."""

from collections.abc import Callable
from dataclasses import dataclass

from deploy.errors import BadInputError
from deploy.model.capacity import SPARE_FILES
from deploy.model.config import PINGS_BEFORE_CUT
from deploy.model.rules import NOTICE_SECONDS, Relation
from deploy.model.sections import KILL_AFTER
from deploy.text.readback import Facts

SOCKETS = "@socket"


@dataclass(frozen=True)
class ConsistencyRule:
    """One relation between what stands in the files of different tiers."""

    id: str
    sentence: str
    relation: Callable[[Facts], Relation]


CONSISTENCY_RULES = (
    ConsistencyRule(
        "three-pings",
        f"{PINGS_BEFORE_CUT} x the app's ping = nginx's proxy_read_timeout for sockets",
        lambda facts: Relation(
            PINGS_BEFORE_CUT * facts.app.number("PING_SECONDS"),
            "=",
            facts.nginx.number("proxy_read_timeout", SOCKETS),
        ),
    ),
    ConsistencyRule(
        "kill-after-graceful",
        f"gunicorn's graceful_timeout + {KILL_AFTER} <= TimeoutStopSec, stop_grace_period, the stop timeout of `up`",
        lambda facts: Relation(facts.app.number("GRACEFUL_SECONDS") + KILL_AFTER, "<=", facts.app.kill_seconds),
    ),
    ConsistencyRule(
        "reload-outlasts-the-apps-drain",
        f"the app's drain and close + {NOTICE_SECONDS} < nginx's worker_shutdown_timeout",
        lambda facts: Relation(
            facts.app.number("DRAIN_SECONDS") + facts.app.number("CLOSE_SECONDS") + NOTICE_SECONDS,
            "<",
            facts.nginx.number("worker_shutdown_timeout"),
        ),
    ),
    ConsistencyRule(
        "files-hold-sockets",
        f"the app's sockets + {SPARE_FILES} <= LimitNOFILE, ulimits.nofile, the limit of `up`",
        lambda facts: Relation(facts.app.number("SOCKETS") + SPARE_FILES, "<=", facts.app.open_files),
    ),
    ConsistencyRule(
        "one-body-size",
        "Django's largest body = nginx's client_max_body_size",
        lambda facts: Relation(facts.app.number("BODY_BYTES"), "=", facts.nginx.number("client_max_body_size")),
    ),
    ConsistencyRule(
        "nobody-is-given-up",
        "nginx never marks an instance as failed: each server has max_fails=0",
        lambda facts: Relation(sum("max_fails=0" not in server[1:] for server in facts.nginx.servers), "=", 0),
    ),
    ConsistencyRule(
        "proxies-are-one",
        "the app trusts nginx, so no location forwards a client's X-Forwarded-For",
        lambda facts: Relation(len(facts.nginx.forgeable), "=", 0),
    ),
)


def require(facts: Facts) -> None:
    """Raise BadInputError for the first that does not hold: the templates are not what they were."""
    for reading in CONSISTENCY_RULES:
        relation = reading.relation(facts)
        if not relation.holds:
            raise BadInputError(f"rule {reading.id}: {reading.sentence}: {relation} is false, in the rendered files")
