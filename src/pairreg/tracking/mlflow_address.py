"""Where MLflow's index lies, and how an address is shown: without the passwords in it."""

import hashlib
import re
from importlib.metadata import entry_points
from pathlib import Path
from urllib.parse import unquote

from pairreg.errors import InputError
from pairreg.private_folder import cache_home, private

ENV = "MLFLOW_TRACKING_URI"
HIDDEN = "***"
SCHEME = re.compile(r"([a-z][a-z\d+.-]+):", re.IGNORECASE)  # a single letter is a drive
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
SCHEMES = ("http", "https", *DATABASES, "databricks", "databricks-uc", "uc", "file")  # that MLflow itself registers
_PLUGINS = "mlflow.tracking_store"  # entry points of packages that register more
USER = re.compile(r"://([^:/@]*):(.*)@")  # greedy: a password may hold '@' and '/'
TOKEN = re.compile(r"^https?://()([^/@]*)@")
QUERY = re.compile(r"[?&]([^=&]*(?:pass|pwd|secret|token|key)[^=&]*)=([^&]*)", re.IGNORECASE)


def beside(output_dir: Path) -> str:
    """The address of the SQLite database in an output folder.

    MLflow and SQLAlchemy read `?`, `%20` and `#` in a path as parts of an address: such a folder is reached by a link
    in our cache. Raises `InputError` if that cannot be made.
    """
    folder = output_dir.resolve()
    if not re.search(r"[?%#]", str(folder)):
        return f"sqlite:///{folder / 'mlflow.db'}"
    link = cache_home() / "mlflow" / hashlib.sha1(str(folder).encode()).hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)  # MLflow does not make a folder behind a link
        private(link.parent)
        if not link.is_symlink():
            link.symlink_to(folder)
    except OSError as error:
        raise InputError(
            f"{folder} cannot hold MLflow's database, whose address cannot have '?', '%' or '#', and the link {link} "
            f"cannot be made ({error.strerror}); choose another output_dir, or tracking=none."
        ) from error
    return f"sqlite:///{link / 'mlflow.db'}"


def unknown_scheme(address: str) -> str | None:
    """The scheme of an address that neither MLflow nor an installed plugin knows a store for; None if one does.

    MLflow itself would say so only after seconds.
    """
    found = SCHEME.match(address)
    scheme = found[1].lower() if found else SCHEMES[-1]
    is_known = scheme in SCHEMES or scheme.startswith(DATABASES) or entry_points(group=_PLUGINS, name=scheme)
    return None if is_known else scheme


def secrets(address: str) -> list[str]:
    """The passwords in an address, as they stand there."""
    found = [match[2] for pattern in (USER, TOKEN, QUERY) for match in pattern.finditer(address)]
    return [secret for secret in found if secret]


def shown(text: str, address: str) -> str:
    """A text without the passwords of an address, such as the address itself or a message about it."""
    for secret in secrets(address):
        for spelling in {secret, unquote(secret)}:
            text = re.sub(rf"(?<!\w){re.escape(spelling)}(?!\w)", HIDDEN, text)
    return text
