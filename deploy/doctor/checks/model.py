"""The rules between the numbers of parley.toml: nothing has to run for them."""

from deploy.doctor.check import Check, NotApplicable, require
from deploy.doctor.patient import Patient
from deploy.rules import RULES, Rule

# Held by how capacity is worked out, so that no parley.toml can break it; its reading in nginx's files is a check.
DERIVED = {"nginx-has-files"}


# Without it two others compare with nothing.
KNOWN = "open-files-known"
ON_KNOWN = {"nginx-has-connections", "instance-has-files"}


def _check(rule: Rule) -> Check:
    async def look(patient: Patient) -> str:
        if patient.stack not in rule.stacks:
            raise NotApplicable(f"the rule is for {' and '.join(rule.stacks)}")
        relation = rule.relation(patient.config, patient.size)
        require(relation.holds, f"not {relation}")
        return str(relation)

    return Check(
        rule.id,
        rule.sentence,
        "reads parley.toml",
        "change one of the two in parley.toml; `./parley check` has all rules with their numbers",
        "docs/configuration.md",
        look,
        (KNOWN,) if rule.id in ON_KNOWN else (),
    )


CHECKS = tuple(_check(rule) for rule in sorted(RULES, key=lambda rule: rule.id != KNOWN) if rule.id not in DERIVED)
IDS = tuple(check.id for check in CHECKS)
