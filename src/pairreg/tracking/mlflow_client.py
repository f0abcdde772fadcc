"""MLflow's client, quiet and impatient."""

import logging
import os
from typing import Any

RETRIES = 5  # of a database that does not answer: 3 s instead of 100


def connect(address: str) -> Any:
    """The client of the store at `address`. No telemetry, no log of migrations, an answer within seconds."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.WARNING)
    from mlflow import MlflowClient

    if not address.startswith("http"):
        import mlflow.store.db.utils as database

        database.MAX_RETRY_COUNT = RETRIES
        logging.getLogger(database.__name__).setLevel(logging.ERROR)  # it warns of every attempt, in five lines
    return MlflowClient(address)
