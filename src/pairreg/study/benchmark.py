"""Whether the data of a benchmark are there, which nobody may pass on with the program."""

from pairreg import option_files
from pairreg.errors import InputError
from pairreg.files import is_there
from pairreg.reference.options import Option
from pairreg.runs.spec import RunSpec

GROUP = "benchmark"
_DATA = ("dataset", "root", "file")  # settings of a pair that say where a data set lies


def check_data(spec: RunSpec) -> None:
    """Raise `InputError`, which says where to get them and how their folder has to look, for data that are not there.

    What the head of the benchmark's file says of its data is that.
    """
    name = spec.choices.get(GROUP)
    if name not in option_files.variants(GROUP):
        return
    said = Option(GROUP, name, option_files.experiments_folder() / GROUP / f"{name}.yaml").remarks["Data"]
    pair = spec.config.get("pair") or {}
    for key in _DATA:
        path = pair.get(key)
        if path is not None and not is_there(path):
            raise InputError(f"pair.{key} is {path}, which does not exist; get {said}.")
