"""A catalogue of inputs and arguments through the real commands: the right answer, or one sentence.

A refusal has exit code 2 and exactly one line on standard error, and leaves no file. No case changes an input.
`python tests/catalogue/catalogue_table.py` prints what was tried and what held.
"""

import pytest

from catalogue_table import table, tried_in


@pytest.mark.slow
def test_every_case_holds(tmp_path_factory: pytest.TempPathFactory) -> None:
    """One test, as the cases share their processes."""
    tried = tried_in(tmp_path_factory.mktemp("all") / "catalogue")
    assert len(tried) >= 250
    assert all(not one.fault for one in tried), table(tried)
