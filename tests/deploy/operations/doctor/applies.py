"""Where each check has something to look at: what the checks say of themselves, and each healthy stack is held to."""

from deploy.operations.doctor.checks import CHECKS

EVERYTHING = ("--idle", "4", "--forge")  # of the command line: nothing is left out for not being asked for


def left_out(stack: str) -> list[str]:
    """Return the ids of the checks that a healthy stack answers with `not applicable`, in the registry's order."""
    return [check.id for check in CHECKS if stack not in check.stacks or check.of_projects]
