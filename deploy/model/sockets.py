"""A prefix of URLs, as a project's table has it and nginx takes it: checked once."""

import re

# What Django's paths are made of. Everything else means something to nginx, or never stands in a decoded path.
PREFIX = re.compile(r"/[\w/.~@+-]*")
PATTERN = set("^$()[]{}*?\\|<>")


def prefix(text: str) -> str:
    """Return a prefix of URLs such as /ws/; raise ValueError that says what nginx cannot take."""
    if PATTERN & set(text):
        raise ValueError(f"{text!r} is a pattern; write the prefix that its paths begin with, such as /ws/")
    if "%" in text:
        raise ValueError(f"{text!r} is encoded; nginx compares decoded paths, so write the letters themselves")
    if not PREFIX.fullmatch(text):
        raise ValueError(f"{text!r} is not a prefix of paths: a / first, then letters, digits and / . _ ~ @ + -")
    if "//" in text or {".", ".."} & set(text.split("/")):
        raise ValueError(f"{text!r} is not a prefix of paths: nginx takes //, /./ and /../ out of every path")
    return text
