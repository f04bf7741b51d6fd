"""`python -m deploy`, which is what ./parley runs."""

import sys

if __name__ == "__main__":
    try:
        from deploy.cli.main import main  # half a second, in which Ctrl-C is no fault either

        main()
    except KeyboardInterrupt:
        sys.exit(130)
