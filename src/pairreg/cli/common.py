"""The parts that all commands share: one parser, one way to print an error, one list of exit codes."""

import argparse
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from pairreg import machine_errors
from pairreg.cli.surroundings import check_working_folder, ended, settle
from pairreg.errors import InputError
from pairreg.interruption import EXIT_CODE

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, EXIT_CODE  # exit codes


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are `InputError` of one sentence."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; {self.prog} --help shows how to call it.")


def run(parser: Parser, work: Callable[[argparse.Namespace], None]) -> None:
    """Do the work that the command line asks for, and end the process with an exit code if it cannot be done."""
    code: int | str | None = 0
    try:
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        settle()
        check_working_folder()
        work(parser.parse_args())
    except InputError as error:
        code = complain(parser.prog, str(error), BAD_INPUT)
    except (OSError, MemoryError) as error:
        code = complain(parser.prog, failure(error), FAILED)
    except KeyboardInterrupt:
        code = complain(parser.prog, "interrupted; no file is half written.", INTERRUPTED)
    except SystemExit as end:  # --help
        code = end.code
    if code := ended(parser.prog, code):
        sys.exit(code)


def failure(error: OSError | MemoryError) -> str:
    """Return the sentence on a failure of the machine; raises the error anew if it is another one."""
    found = machine_errors.sentence(error)
    if found is None:
        raise error
    return found


def complain(program: str, sentence: str, code: int) -> int:
    """Print what is wrong as one line on standard error; return the exit code."""
    print(f"{program}: {sentence}", file=sys.stderr)
    return code
