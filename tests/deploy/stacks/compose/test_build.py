"""What is said of an image that cannot be built."""

from deploy.stacks.compose.images import refusal


def test_parley_s_own_line_or_the_first_of_pip() -> None:
    """And not what Docker says around it."""
    output = (
        "#18 [release 6/8] RUN x\n#18 0.9 parley: /opt/project/a.py:1: SyntaxError: no\n#18 ERROR: process\n------\n"
    )
    assert refusal(output) == "the image cannot be built: /opt/project/a.py:1: SyntaxError: no"
    output = "#9 1.2 ERROR: Could not find a version for nothing==1\n#9 1.3 ERROR: No matching distribution\n"
    assert refusal(output) == "the image cannot be built: Could not find a version for nothing==1"


def test_else_the_end_of_what_docker_wrote() -> None:
    """A machine without a network has its own words."""
    assert refusal("one\ntwo") == "docker build failed:\none\ntwo"
