"""Whether there is anything to look at."""

from deploy.doctor.check import Check, require
from deploy.doctor.patient import Patient


async def runs(patient: Patient) -> str:
    """Tell whether the stack was found."""
    require(patient.found, patient.why_not)
    return f"{patient.body.address.origin}, {len(patient.body.replicas())} instances"


CHECKS = (
    Check(
        "stack-runs",
        "the stack runs",
        "looks for what `up` wrote, for the project's containers, or for the installed units",
        "start it: `./parley up`, `docker compose -f docker-compose.prod.yml up -d --wait`, or `./parley install`",
        "docs/deploying.md",
        runs,
    ),
)
