"""The parts that all commands share: one parser, one way to print an error, one list of exit codes."""

import argparse
import io
import sys
from collections.abc import Callable
from typing import NoReturn

from pairreg.errors import InputError

BAD_INPUT, INTERRUPTED = 2, 130  # exit codes; 1 is a run that failed


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are `InputError` of one sentence."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; {self.prog} --help shows how to call it.")


def run(parser: Parser, work: Callable[[argparse.Namespace], None]) -> None:
    """Do the work that the command line asks for, and end the process with an exit code if it cannot be done."""
    tolerate()
    try:
        work(parser.parse_args())
    except InputError as error:
        sys.exit(complain(parser.prog, str(error), BAD_INPUT))
    except KeyboardInterrupt:
        sys.exit(complain(parser.prog, "interrupted; no file is half written.", INTERRUPTED))


def tolerate() -> None:
    """Let output go on where its encoding lacks a character, such as `Δ` of a name in latin-1: as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def complain(program: str, sentence: str, code: int) -> int:
    """Print what is wrong as one line on standard error; return the exit code."""
    print(f"{program}: {sentence}", file=sys.stderr)
    return code
