"""Names as MLflow takes them: of metrics and parameters, see `mlflow.utils.validation`."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable

LONGEST = 250
REFUSED = re.compile(r"[^/\w.\- :]")


def cleaned(names: Iterable[str]) -> dict[str, str]:
    """A name that MLflow takes for each of `names`, itself where it can be; unlike names stay unlike."""
    names = list(dict.fromkeys(names))
    clean = {name: _clean(name) for name in names}
    shared = Counter(clean.values())
    return {name: one if shared[one] == 1 or one == name else _marked(one, name) for name, one in clean.items()}


def _clean(name: str) -> str:
    """Without what MLflow refuses: other characters, and parts that a path would not keep, such as `..`."""
    parts = REFUSED.sub("_", name).split("/")
    clean = "/".join(part.replace(".", "_") if not part.strip(".") and part else part or "_" for part in parts)
    return clean if len(clean) <= LONGEST else _marked(clean, name)


def _marked(clean: str, name: str) -> str:
    """`clean` with a mark of the original name at its end."""
    mark = hashlib.sha1(name.encode()).hexdigest()[:6]
    return f"{clean[: LONGEST - len(mark) - 1]}_{mark}"
