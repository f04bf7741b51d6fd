"""Which versions of packages are installed. This file is also run by an installed stack's own Python."""

import importlib.metadata
import json
import sys
from collections.abc import Mapping, Sequence


def versions(names: Sequence[str]) -> Mapping[str, str]:
    """Give the versions; those that are missing are left out."""
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(versions(sys.argv[1:])))
