"""Run a command that ends with its parent: `python parent_death.py PARENT_PID COMMAND…`.

The kernel sends SIGTERM to the command when the parent dies, however it dies; a supervisor killed with -9 cannot.
A script of its own instead of preexec_fn, which is not safe once the parent has threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask for the signal, make sure the parent is still there to cause it, and become the command."""
    parent, *command = sys.argv[1:]
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != int(parent):
        sys.exit("the parent has ended")
    os.execvp(command[0], command)  # noqa: S606 (no shell is what is wanted)


if __name__ == "__main__":
    main()
