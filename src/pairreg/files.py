"""What the tools beside `pairreg` share: one sentence for bad input, and files that are whole or absent."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
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


def target(path: str | Path) -> Path:
    """`path` as a file that can be written; raises `InputError` otherwise. Ask before the work, not after it."""
    path = Path(path).expanduser()
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the name of a file to write.")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"{path} cannot be written: {path.parent} is no folder that you may write to.")
    return path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to; it takes the place of `path` at the end, or is gone if anything went wrong."""
    part = path.with_name(f".{os.getpid()}.{path.name}")  # the ending stays: it chooses the format
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
