"""MLflow's client, quiet and impatient."""

import logging
import os
from typing import Any

RETRIES = 5  # of a database that does not answer: 3 s instead of 100


def connect(address: str) -> Any:
    """The client of the store at `address`, prepared by `prepare_mlflow`."""
    prepare_mlflow(address)
    from mlflow import MlflowClient

    return MlflowClient(address)


def prepare_mlflow(address: str) -> None:
    """Have MLflow send no telemetry, log no migrations, and answer within seconds; a second call does no harm."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if not address.startswith("http"):
        import mlflow.store.db.utils as database

        database.MAX_RETRY_COUNT = RETRIES
        logging.getLogger(database.__name__).setLevel(logging.ERROR)  # it warns of every attempt, in five lines
