"""Whether Django's application is made before a project's ASGI module is imported (pitfalls A1).

A module that imports models first ends with AppRegistryNotReady, and what it imported so far cannot be imported a
second time: a new process has to. gunicorn forks one when a worker ends, and this byte is what the two have in
common: the module is imported before the fork.
"""

import mmap
import os

_byte = mmap.mmap(-1, 1)  # shared by all that are forked
_process = os.getpid()


def is_django_first() -> bool:
    """Tell whether a process before this one found out that it has to."""
    return _byte[0] == 1


def has_another() -> bool:
    """Tell whether another process will try after this one."""
    return os.getpid() != _process


def next_time_django_first() -> None:
    """Tell it the next process."""
    _byte[0] = 1
