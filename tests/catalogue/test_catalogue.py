"""A catalogue of inputs and arguments through the real commands: the right answer, or one sentence.

A refusal has exit code 2 and exactly one line on standard error, and leaves no file. No case changes an input.
`python tests/catalogue/catalogue_table.py` prints what was tried and what held.
"""

import pytest

from catalogue_cases import GROUPS
from catalogue_table import Tried, table, tried_in


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> list[Tried]:
    return tried_in(tmp_path_factory.mktemp("all") / "catalogue")


def test_there_are_enough(tried: list[Tried]) -> None:
    assert len(tried) >= 250


@pytest.mark.parametrize("group", GROUPS)
def test_every_case_holds(tried: list[Tried], group: str) -> None:
    mine = [one for one in tried if one.group == group]
    assert all(not one.fault for one in mine), table(mine)
