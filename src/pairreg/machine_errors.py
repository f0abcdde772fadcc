"""Failures of the machine, put in one sentence: a full disk, too little memory, a file that cannot be written."""

import errno
import re

from pairreg.foreign_messages import last_line

_SPACE = "free some space, or write to another disk (output_dir=FOLDER)"
_PLACE = "give a place that you may write to (output_dir=FOLDER)"
_AGAIN = "look at it, and call the same command again"
_ONLY_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
_ADVICE = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: "the system limits the size of files (ulimit -f); raise the limit",
    errno.EROFS: _PLACE,
    errno.EACCES: f"have its permissions changed, or {_PLACE}",
    errno.EPERM: f"have its permissions changed, or {_PLACE}",
    errno.EIO: "free some space or look at the disk, and call the same command again",
    errno.ENOENT: "it was deleted meanwhile; call the same command again",
    errno.ENOTDIR: "something else took its place; call the same command again",
    errno.EMFILE: "the system limits open files (ulimit -n); raise the limit",
    errno.ENFILE: "the system has too many open files; close some programs, and call the same command again",
    errno.ENAMETOOLONG: "give a shorter path (output_dir=FOLDER)",
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
    return _of_file(error) if isinstance(error, OSError) else None


def _of_file(error: OSError) -> str | None:
    """Return what failed and what helps, if `error` names a file or is one of disks; None for those of networks."""
    where = error.filename2 or error.filename
    if where is None and error.errno not in _ADVICE:
        return None
    verb = "written" if error.errno in _ONLY_WRITING else "read or written"
    advice = _ADVICE.get(error.errno or 0, _AGAIN)
    return f"{where or 'a file'} cannot be {verb} ({(error.strerror or str(error)).lower()}); {advice}."


def _of_memory(message: str) -> str:
    shape, size = _SHAPE.search(message), _BYTES.search(message)
    sizes = []
    if size:
        sizes.append(size[2] or f"{int(size[1]) / 2**20:.0f} MB")
    if shape:
        sizes.append(f"an array of {(shape[1] or shape[2]).replace(' ', '')}")
    what = " for ".join(sizes) or "what comes next"
    return f"The memory is too small for {what}; try {_SMALLER}."
