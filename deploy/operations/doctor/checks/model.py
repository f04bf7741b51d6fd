"""The rules between the numbers of parley.toml: nothing has to run for them."""

from deploy.model.rules import RULES, Rule
from deploy.operations.doctor.check import Check, NotApplicable, require
from deploy.operations.doctor.target import Target

# Held by how capacity is worked out, so that no parley.toml can break it; its reading in nginx's files is a check.
DERIVED = {"nginx-has-files"}


# Where somebody else met it; the others have their row in the table of the rules.
PAGES = {
    "stop-times-add": "docs/pitfalls/L2-stop-times-add-up.md",
    "reload-outlasts-drain": "docs/pitfalls/N3-worker-is-shutting-down.md",
    "nginx-has-connections": "docs/pitfalls/N5-worker-connections.md",
    "instance-has-files": "docs/pitfalls/G19-too-many-open-files.md",
    "database-has-connections": "docs/pitfalls/B7-too-many-clients.md",
}
# Without it two others compare with nothing.
KNOWN = "open-files-known"
ON_KNOWN = {"nginx-has-connections", "instance-has-files"}


def _check(rule: Rule) -> Check:
    async def look(target: Target) -> str:
        if target.stack not in rule.stacks:
            raise NotApplicable(f"the rule is for {' and '.join(rule.stacks)}")
        relation = rule.relation(target.config, target.size)
        require(relation.holds, f"{relation} is false")
        return str(relation)

    return Check(
        rule.id,
        rule.sentence,
        "reads parley.toml",
        "change one of the keys in parley.toml; `./parley check` prints all rules with their numbers",
        PAGES.get(rule.id, "docs/configuration.md"),
        look,
        (KNOWN,) if rule.id in ON_KNOWN else (),
        rule.stacks,
    )


CHECKS = tuple(_check(rule) for rule in sorted(RULES, key=lambda rule: rule.id != KNOWN) if rule.id not in DERIVED)
IDS = tuple(check.id for check in CHECKS)
