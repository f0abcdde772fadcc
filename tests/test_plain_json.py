import json
import math

import numpy as np
import pytest

from pairreg import plain_json


def test_numbers_that_json_does_not_have_are_null():
    content = {"a": math.nan, "b": [np.float32("inf"), np.int64(3), 0.5], "c": {"d": True, "e": None, "f": "NaN"}}
    text = plain_json.dumps(content)
    assert json.loads(text, parse_constant=pytest.fail) == {
        "a": None,
        "b": [None, 3.0, 0.5],
        "c": {"d": True, "e": None, "f": "NaN"},
    }
    assert math.isnan(plain_json.numbers({"a": None})["a"]) and plain_json.numbers({"a": 2.0}) == {"a": 2.0}
    with pytest.raises(TypeError):
        plain_json.dumps({"a": object()})
