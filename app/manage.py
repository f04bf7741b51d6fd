"""Django's command line, with the settings that PARLEY_ENV selects."""

import sys

from config.settings.select import select_settings

if __name__ == "__main__":
    select_settings()
    from config.management import run

    sys.exit(run(sys.argv))
