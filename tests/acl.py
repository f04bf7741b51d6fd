"""The lines of docs/deploying.md that give a user of Redis what is needed, as the tests of them read them."""

import re

from tests.checkout import ROOT

PASSWORD = "p@ss/word"
QUOTED = "p%40ss%2Fword"  # in a URL
LINES = re.findall(r"^user \w+ on >PASSWORD .+$", (ROOT / "docs" / "deploying.md").read_text(), re.MULTILINE)
PUBSUB, CORE, SENTINEL = (line.replace("PASSWORD", PASSWORD) for line in LINES)


def grants(line: str) -> list[str]:
    """Return the permissions in a line, each as it is written."""
    return [word for word in line.split() if word[0] in "&~+"]


def without(line: str, grant: str) -> str:
    """Return a line that lacks one of its permissions."""
    return " ".join(word for word in line.split() if word != grant)
