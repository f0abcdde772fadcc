"""Where MLflow's index lies, and how an address is shown: without the passwords in it."""

import hashlib
import re
from pathlib import Path
from urllib.parse import unquote

from pairreg.errors import InputError
from pairreg.private_folder import cache_home, private

ENV = "MLFLOW_TRACKING_URI"
HIDDEN = "***"
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
