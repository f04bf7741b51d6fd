"""The limit of open files of this process and of all that it starts."""

import resource

MOST_OPEN_FILES = 1_048_576  # some hosts have no limit, and programs that count up to it


def open_files() -> int:
    """Return how many this user may have open."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_OPEN_FILES)


def raise_open_files() -> int:
    """Raise the soft limit as far as it goes, and return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files(), hard))
    return open_files()
