"""What MLflow raises, in our words."""

import errno
import sqlite3

from pairreg.tracking.mlflow_address import shown

NO_ANSWER = ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "DEADLINE_EXCEEDED", "REQUEST_LIMIT_EXCEEDED")


def lost_errors() -> tuple[type[Exception], ...]:
    """What is raised if MLflow's server or store is out of reach or refuses; those of `requests` are OSErrors."""
    from mlflow.exceptions import MlflowException

    return MlflowException, OSError, sqlite3.Error


def opening_errors() -> tuple[type[Exception], ...]:
    """What may also be raised when a store is reached first: no driver, no address, a database of something else."""
    from alembic.util.exc import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    return *lost_errors(), SQLAlchemyError, CommandError, ImportError, ValueError


def is_full(error: Exception) -> bool:
    """Whether a database does not fit on its disk."""
    return "disk is full" in str(error) or getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)


def is_rejection(error: Exception) -> bool:
    """Whether MLflow is there and does not take what was sent."""
    return getattr(error, "error_code", NO_ANSWER[0]) not in NO_ANSWER


def said(error: Exception, address: str) -> str:
    """`MLflow at ADDRESS does not answer (REASON)`, or that it rejected something; without passwords."""
    what = "rejected what was sent" if is_rejection(error) else "does not answer"
    return f"MLflow at {shown(address, address)} {what} ({reason(error, address)})"


def reason(error: Exception, address: str) -> str:
    """The first line of a message, without passwords."""
    return shown((str(error).splitlines() or [type(error).__name__])[0], address)
