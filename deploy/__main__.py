"""`python -m deploy`, which is what ./parley runs."""

from deploy.cli import main

if __name__ == "__main__":
    main()
