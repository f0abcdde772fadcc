"""Failures of the machine, put in one sentence: a full disk, too little memory, a file that cannot be written."""

import errno
import re

from pairreg.foreign_messages import last_line

_DISK = {
    errno.ENOSPC: "free some space, or write to another disk (output_dir=FOLDER)",
    errno.EDQUOT: "free some space, or write to another disk (output_dir=FOLDER)",
    errno.EFBIG: "the system limits the size of files (ulimit -f); raise the limit",
    errno.EROFS: "write to another place (output_dir=FOLDER)",
    errno.EACCES: "give a place that you may write to (output_dir=FOLDER)",
    errno.EPERM: "give a place that you may write to (output_dir=FOLDER)",
    errno.EIO: "free some space or look at the disk, and call the same command again",
    errno.ENOENT: "it was deleted meanwhile; call the same command again",
    errno.ENOTDIR: "something else took its place; call the same command again",
    errno.EMFILE: "the system limits open files (ulimit -n); raise the limit",
}
_SMALLER = (
    "an image with larger voxels, schedule.scales without 1, a larger transform.stride, transform=displacement, "
    "fewer similarities, or precision=mixed_bfloat16 for a network"
)
_COMPILED = "xla_compile_cache"  # in the names of the files that TensorFlow keeps compiled code in
_SHAPE = re.compile(r"shape ?\[([\d,]+)\]|shape \(([\d, ]+)\)")
_BYTES = re.compile(r"(\d{5,}) ?bytes|Unable to allocate ([\d.]+ [KMGT]i?B)")


def sentence(error: BaseException) -> str | None:
    """Return what failed and what helps, if `error` is a failure of the machine; None for any other error."""
    if isinstance(error, MemoryError) or "ResourceExhausted" in type(error).__name__:
        return _of_memory(str(error))
    if _COMPILED in str(error):
        advice = "free some space, or have XDG_CACHE_HOME name a folder on another disk"
        return f"Compiled code cannot be kept ({last_line(error)}); {advice}."
    if "temporary directory" in str(error):
        return "No temporary file can be written; free some space, or have TMPDIR name a folder on another disk."
    if isinstance(error, OSError) and error.errno in _DISK:
        where = error.filename2 or error.filename or "a file"
        return f"{where} cannot be written ({(error.strerror or str(error)).lower()}); {_DISK[error.errno]}."
    return None


def _of_memory(message: str) -> str:
    shape, size = _SHAPE.search(message), _BYTES.search(message)
    sizes = []
    if size:
        sizes.append(size[2] or f"{int(size[1]) / 2**20:.0f} MB")
    if shape:
        sizes.append(f"an array of {(shape[1] or shape[2]).replace(' ', '')}")
    what = " for ".join(sizes) or "what comes next"
    return f"The memory is too small for {what}; try {_SMALLER}."
