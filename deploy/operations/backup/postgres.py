"""A backup of PostgreSQL: pg_dump's custom format, which is one snapshot; restored in one transaction."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE
from typing import Literal

from deploy.effects import commands
from deploy.errors import BadInputError
from deploy.operations.backup.manifest import Rows
from deploy.stacks.stack import Postgres

# All that a schema holds, also what a newer release made: its migration would not run again over what is there. What an
# extension or a table brought goes and comes with it.
CLEAR = b"""\
BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL lock_timeout = '30s';
DO $$
DECLARE line text;
BEGIN
  FOREACH line IN ARRAY ARRAY(
    SELECT format('DROP %s IF EXISTS %I CASCADE', kind, relname)
      FROM pg_class JOIN (VALUES ('r', 'TABLE'), ('p', 'TABLE'), ('f', 'FOREIGN TABLE'), ('v', 'VIEW'),
             ('m', 'MATERIALIZED VIEW'), ('S', 'SEQUENCE')) AS kinds (letter, kind) ON letter = relkind::text
      WHERE relnamespace = current_schema()::regnamespace AND NOT EXISTS (
        SELECT FROM pg_depend
          WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype IN ('e', 'i', 'a'))
  ) || ARRAY(
    SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', oid::regprocedure)
      FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND NOT EXISTS (
        SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype IN ('e', 'i'))
  ) || ARRAY(
    SELECT format('DROP TYPE IF EXISTS %I CASCADE', typname)
      FROM pg_type LEFT JOIN pg_class ON pg_class.oid = typrelid
      WHERE typnamespace = current_schema()::regnamespace AND (typtype IN ('e', 'd', 'r') OR relkind = 'c')
        AND NOT EXISTS (
          SELECT FROM pg_depend WHERE classid = 'pg_type'::regclass AND objid = pg_type.oid AND deptype = 'e')
  ) || ARRAY(
    SELECT format('DROP COLLATION IF EXISTS %I CASCADE', collname)
      FROM pg_collation WHERE collnamespace = current_schema()::regnamespace AND NOT EXISTS (
        SELECT FROM pg_depend WHERE classid = 'pg_collation'::regclass AND objid = pg_collation.oid AND deptype = 'e')
  ) || ARRAY(
    SELECT format('DROP TEXT SEARCH CONFIGURATION IF EXISTS %I CASCADE', cfgname)
      FROM pg_ts_config WHERE cfgnamespace = current_schema()::regnamespace AND NOT EXISTS (
        SELECT FROM pg_depend WHERE classid = 'pg_ts_config'::regclass AND objid = pg_ts_config.oid AND deptype = 'e')
  ) LOOP
    EXECUTE line;
  END LOOP;
END $$;
"""
COPY = re.compile(rb"COPY (?:\S+\.)?(\S+) \(.*\) FROM stdin;\n")
END = b"\\.\n"


class PostgresEngine:
    """The database behind a server, asked with the server's own programs."""

    name: Literal["postgresql"] = "postgresql"
    file = "database.dump"

    def __init__(self, database: Postgres) -> None:
        self._database = database

    def dump(self, target: Path) -> None:
        """Write the dump; people chat on."""
        with target.open("wb") as file:
            command = self._command("pg_dump", "-Fc", *self._plain, *self._to)
            with self._environment() as env, commands.piped(command, env=env, stdout=file):
                pass
            os.fsync(file.fileno())

    def read_back(self, path: Path) -> Rows:
        """Unpack the whole dump and count the rows of each table in it; raises StackError where it is damaged."""
        rows: Rows = {}
        with path.open("rb") as file, commands.piped(self._unpack(), stdin=file, stdout=PIPE) as unpacked:
            table = None
            for line in unpacked.stdout or ():
                if table is None:
                    if begins := COPY.fullmatch(line):
                        table = begins[1].decode().strip('"')
                        rows[table] = 0
                elif line == END:
                    table = None
                else:
                    rows[table] += 1
        return rows

    def restore(self, path: Path) -> None:
        """Replace all tables by the dump's in one transaction: it is all there at the end, or nothing was changed."""
        psql = self._command("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *self._to)
        with (
            path.open("rb") as file,
            self._environment() as env,
            commands.piped(self._unpack(), stdin=file, stdout=PIPE) as unpacked,
            commands.piped(psql, env=env, stdin=PIPE) as server,
        ):
            assert unpacked.stdout is not None  # noqa: S101 (a pipe was asked for)
            assert server.stdin is not None  # noqa: S101
            server.stdin.write(CLEAR)
            shutil.copyfileobj(unpacked.stdout, server.stdin)
            if unpacked.wait() == 0:  # else the end of input rolls back
                server.stdin.write(b"COMMIT;\n")

    @contextmanager
    def _environment(self) -> Iterator[Mapping[str, str] | None]:
        """Give the variables of a program that connects: arguments, which hold no secret, are everybody's to read.

        What libpq has no variable for stands in a private file, for as long as the program runs.
        """
        database = self._database
        if not database.secrets:
            yield {**os.environ, **database.env} if database.env else None
            return
        with tempfile.NamedTemporaryFile("w", prefix="parley-", encoding="utf-8") as file:  # 0600
            file.write(
                "".join(["[parley]\n", *(f"{key}={_line(key, text)}\n" for key, text in database.secrets.items())])
            )
            file.flush()
            yield {**os.environ, **database.env, "PGSERVICEFILE": file.name, "PGSERVICE": "parley"}

    @property
    def _plain(self) -> tuple[str, ...]:
        """Whose the tables are, the place they are restored in decides."""
        return ("--no-owner", "--no-privileges")

    @property
    def _to(self) -> tuple[str, ...]:
        return ("-d", self._database.dbname)

    def _unpack(self) -> list[str]:
        return self._command("pg_restore", "-f", "-", *self._plain)

    def _command(self, *words: str) -> list[str]:
        return [*self._database.prefix, *words]


def _line(key: str, text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise BadInputError(f"database.url: {key} holds a line break or begins or ends with a space")
    return text
