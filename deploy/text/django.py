"""Commands of parley_serving that a release's Python runs: Django's own, with the settings that are named."""

SETTINGS = "--settings=config.settings.production"  # of the reference chat
PLAN = ("-m", "parley_serving.migrations_plan", SETTINGS)  # prints its pending migrations, judged
MOVE = ("-m", "parley_serving.moving")  # brings the rows of an SQLite file into its database
