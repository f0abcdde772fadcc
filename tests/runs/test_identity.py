from pairreg.runs.identity import signature

CONFIG = {"similarity": {"ncc": {"window": 9, "weight": 1.0}}, "seed": 0, "study": "a", "output_dir": "runs"}


def test_order_and_bookkeeping_do_not_matter():
    reordered = {
        "output_dir": "elsewhere",
        "seed": 0,
        "similarity": {"ncc": {"weight": 1.0, "window": 9}},
        "rerun": True,
    }
    assert signature(reordered) == signature(CONFIG)


def test_every_scientific_value_matters():
    assert signature(CONFIG | {"seed": 1}) != signature(CONFIG)
    assert signature(CONFIG | {"similarity": {"ncc": {"window": 7, "weight": 1.0}}}) != signature(CONFIG)
