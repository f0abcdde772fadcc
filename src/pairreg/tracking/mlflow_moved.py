"""A database that moved together with its output folder: its artifacts lie beside it, wherever that is now."""

import sqlite3
from contextlib import closing
from pathlib import Path


def follow(database: Path, old: str, new: str) -> None:
    """Let the experiment whose artifacts were at the address `old`, and its runs, have them at `new`.

    MLflow stores whole addresses and has no call to change them.
    """
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE experiments SET artifact_location = ? WHERE artifact_location = ?", (new, old))
        connection.execute(
            "UPDATE runs SET artifact_uri = ? || substr(artifact_uri, length(?) + 1) "
            "WHERE substr(artifact_uri, 1, length(?) + 1) = ? || '/'",
            (new, old, old, old),
        )
