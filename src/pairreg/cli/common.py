"""What all commands share: one parser, one console, one way to print an error."""

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn

from pairreg.errors import InputError


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; {self.prog} --help shows how to call it.")


def run(parser: Parser, work: Callable[[argparse.Namespace], None]) -> None:
    """Do the work that the command line asks for; an `InputError` is said in one line, with exit code 2."""
    try:
        work(parser.parse_args())
    except InputError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        sys.exit(2)
