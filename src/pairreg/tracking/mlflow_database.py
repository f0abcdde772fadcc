"""MLflow's SQLite database: whole or absent, and one that was damaged is set aside."""

import logging
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from pairreg.files import replacing

_SQLITE = "sqlite:///"
_QUICK = 100 << 20  # bytes: looking at every page of a larger database would take seconds
log = logging.getLogger("pairreg")


def make_database(address: str, own: bool) -> None:
    """Make the database at a SQLite address, if it is not there, under another name that it loses when it is whole.

    MLflow needs two seconds and 50 steps for that, and cannot go on with one that a kill has left half made. Such a
    one, or a damaged one, is set aside if it is our `own`, the one in an output folder.
    """
    path = _file(address)
    if not is_database_file(address):
        return
    if own and path.exists() and not _is_whole(path):
        _set_aside(path)
    if path.exists():
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        made = SqlAlchemyStore(f"{_SQLITE}{part}", (path.parent / "mlartifacts").as_uri())
        made.engine.dispose()


def is_database_file(address: str) -> bool:
    """Return whether an address is that of a SQLite database, without settings of how it is opened."""
    return address.startswith(_SQLITE) and "?" not in address


def statuses(address: str, experiment: str) -> dict[str, tuple[str, int]]:
    """Return the status of each run of an experiment in the SQLite database at `address`, by signature.

    Beside it stands when the run ended, in ms since the epoch, 0 if it has not. MLflow's own search brings all metrics
    and parameters along, which takes 4 s for 1000 runs.
    """
    read_only = f"{_file(address).absolute().as_uri()}?mode=ro"  # one that is away must not be made
    with closing(sqlite3.connect(read_only, uri=True)) as connection:
        found = connection.execute(
            "SELECT tags.value, runs.status, COALESCE(runs.end_time, 0) FROM runs JOIN tags USING (run_uuid) "
            "WHERE tags.key = 'pairreg.signature' AND runs.experiment_id = ? AND runs.lifecycle_stage = 'active'",
            (experiment,),
        )
        return {signature: (status, ended) for signature, status, ended in found.fetchall()}


def _file(address: str) -> Path:
    return Path(address.removeprefix(_SQLITE))


def _is_whole(path: Path) -> bool:
    """Return whether a database can be used: readable, and with all tables, unless an older MLflow has runs in it."""
    from mlflow.store.db.utils import _get_latest_schema_revision

    try:
        with closing(sqlite3.connect(path)) as connection:
            if path.stat().st_size < _QUICK and connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                return False
            (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            (runs,) = connection.execute("SELECT count(*) FROM runs").fetchone()
    except (sqlite3.DatabaseError, TypeError):  # no database, no such table, no row in it
        return False
    return bool(version == _get_latest_schema_revision() or runs)


def _set_aside(path: Path) -> None:
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
    path.rename(aside)
    for ending in ("-journal", "-wal", "-shm"):  # what SQLite keeps beside it would be taken for that of the new one
        path.with_name(path.name + ending).unlink(missing_ok=True)
    advice = "`pairreg-report STUDY --log-mlflow` adds earlier runs to the new one"
    log.warning(f"{path} was damaged or half made; it is {aside.name} now, and {advice}")
