"""MLflow's client, quiet and impatient."""

import http.client
import logging
import os
import ssl
import urllib.error
import urllib.request
from typing import Any

from pairreg.tracking.mlflow_address import unknown_scheme
from pairreg.tracking.mlflow_errors import opening_errors, reason

PATIENCE = 6.0  # seconds
RETRIES = 5  # of a database that does not answer: 3 s instead of 100


def connect(address: str) -> Any:
    """The client of the store at `address`, prepared by `prepare_mlflow`."""
    prepare_mlflow(address)
    from mlflow import MlflowClient

    return MlflowClient(address)


def complaint(address: str) -> str | None:
    """Return why the store at `address` cannot be used, without the passwords in the address; None if it answers.

    Nothing is written to it; a database that is empty gets MLflow's tables, as by the first run.
    """
    if scheme := unknown_scheme(address):
        return f"there is no store for {scheme}://"
    try:
        check_answers(address)
        connect(address).search_experiments(max_results=1)
    except opening_errors() as error:
        return reason(error, address)
    return None


def check_answers(address: str) -> None:
    """Raise `OSError` if a server does not answer within `PATIENCE` seconds; whatever it answers, MLflow judges.

    MLflow itself would try three times, for minutes if a server takes a request and says nothing.
    """
    if not address.startswith("http"):
        return
    try:
        urllib.request.urlopen(address, timeout=PATIENCE).close()
    except urllib.error.HTTPError:
        return  # an answer, such as 401
    except urllib.error.URLError as error:
        if isinstance(error.reason, OSError) and not isinstance(error.reason, ssl.SSLError):
            raise error.reason from None
    except http.client.HTTPException as error:
        raise OSError(f"it does not speak HTTP: {error!r}") from None


def prepare_mlflow(address: str) -> None:
    """Have MLflow send no telemetry, log no migrations, and answer within seconds; a second call does no harm."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")  # seconds; 120 would hold a run up for minutes
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if not address.startswith("http"):
        import mlflow.store.db.utils as database

        database.MAX_RETRY_COUNT = RETRIES
        logging.getLogger(database.__name__).setLevel(logging.ERROR)  # it warns of every attempt, in five lines
