"""What a command meets: standard streams that are closed, full or of another encoding; no home; no working folder."""

import io
import logging
import os
import sys
from typing import TextIO

from pairreg.errors import InputError
from pairreg.private_folder import give_home

_full: list[OSError] = []  # why standard output or standard error could not be written


class _Lenient(io.FileIO):
    """A stream to nowhere once it cannot be written, such as behind `| head -1`: the work goes on."""

    def write(self, data: object) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except BrokenPipeError:
            pass  # nobody reads on, which is no error
        except OSError as error:
            _full.append(error)
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
        return memoryview(data).nbytes  # type: ignore[arg-type]


def settle() -> None:
    """Make streams and home such that neither we nor a library stumble over them."""
    for number in range(3):
        _open_if_closed(number)
    sys.stdout, sys.stderr = _lenient(sys.stdout, sys.__stdout__, 1), _lenient(sys.stderr, sys.__stderr__, 2)
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns of a home that it cannot write to
    give_home()


def check_working_folder() -> None:
    """Raise `InputError` if the folder that the command was called in has been deleted."""
    try:
        os.getcwd()
    except FileNotFoundError:
        raise InputError("the working folder does not exist any more; change to another one.") from None


def ended(program: str, code: int | str | None) -> int:
    """Return the exit code: that of the work, or 1 if not all that `program` has said could be written."""
    sys.stdout.flush()
    if _full:
        print(f"{program}: what it says cannot be written ({_full[0].strerror}); free some space.", file=sys.stderr)
    return (code if isinstance(code, int) else int(bool(code))) or int(bool(_full))


def _open_if_closed(number: int) -> None:
    """Open a closed standard stream to nowhere: the next file would get its number, and what libraries print."""
    try:
        os.fstat(number)
    except OSError:
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # for the processes of a study, too


def _lenient(stream: TextIO | None, original: TextIO | None, number: int) -> TextIO:
    """Return the stream that `_Lenient` writes; another one that somebody has put into its place stays."""
    if stream is None:
        return open(os.devnull, "w")
    if stream is not original or not isinstance(stream, io.TextIOWrapper):
        return stream
    raw = _Lenient(number, "w", closefd=False)
    return io.TextIOWrapper(
        raw if stream.write_through else io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors="backslashreplace",  # an escape where the encoding lacks a character, such as `Δ` in latin-1
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
