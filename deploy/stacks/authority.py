"""redis.ca_file: the authority that the certificate of Redis is checked with, looked at before anything connects."""

import ssl
from pathlib import Path

from deploy.errors import BadInputError
from deploy.model.config import Config


def look(config: Config, path: Path | None = None) -> str:
    """Return its text, empty where none is named; raise BadInputError for what no client could use.

    `path` is where the file is read, if that is not where parley.toml says.
    """
    named = config.redis.ca_file
    if not named:
        return ""
    file = path or Path(named)
    try:
        text = file.read_text(encoding="utf-8")
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except OSError as error:  # ssl.SSLError is one
        why = "has no certificate" if isinstance(error, ssl.SSLError) else error.strerror
    except ValueError:  # not UTF-8, or empty
        why = "has no certificate"
    else:
        return text
    raise BadInputError(f"redis.ca_file: {named}: {why}")
