"""The parts that all commands share: one parser, one way to print an error, one list of exit codes."""

import argparse
import io
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from pairreg import machine_errors
from pairreg.errors import InputError

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130  # exit codes


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are `InputError` of one sentence."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; {self.prog} --help shows how to call it.")


def run(parser: Parser, work: Callable[[argparse.Namespace], None]) -> None:
    """Do the work that the command line asks for, and end the process with an exit code if it cannot be done."""
    tolerate()
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        work(parser.parse_args())
    except InputError as error:
        sys.exit(complain(parser.prog, str(error), BAD_INPUT))
    except (OSError, MemoryError) as error:
        sys.exit(complain(parser.prog, failure(error), FAILED))
    except KeyboardInterrupt:
        sys.exit(complain(parser.prog, "interrupted; no file is half written.", INTERRUPTED))


def failure(error: OSError | MemoryError) -> str:
    """Return the sentence on a failure of the machine; raises the error anew if it is another one."""
    found = machine_errors.sentence(error)
    if found is None:
        raise error
    return found


def tolerate() -> None:
    """Let output go on where its encoding lacks a character, such as `Δ` of a name in latin-1: as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def complain(program: str, sentence: str, code: int) -> int:
    """Print what is wrong as one line on standard error; return the exit code."""
    print(f"{program}: {sentence}", file=sys.stderr)
    return code
