"""Which keys of [project] are set and not used by `up`: nothing that somebody wrote is ignored without a word."""

from collections.abc import Iterator

from deploy.model.config import Config

INSTALLED = ("packages", "build", "sandbox")  # of the image or the host; a machine where one tries things has its own
HOOKS = ("cleanup",)  # the doctor calls `probe`, and `backup restore` calls `after_restore`


def lines(config: Config) -> Iterator[str]:
    """Give one line for each; the checkout's own table shows every key."""
    if config.is_own:
        return
    given = config.project.model_fields_set
    for name in INSTALLED:
        if name in given and getattr(config.project, name):
            yield f"project.{name}: has no effect under up: it is for installed stacks"
    if "hooks" in given:
        for name in HOOKS:
            if name in config.project.hooks.model_fields_set:
                yield f"project.hooks.{name}: has no effect under up"
