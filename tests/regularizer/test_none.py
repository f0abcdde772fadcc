from regularizer_helpers import build, noise


def test_nothing_happens() -> None:
    term, field = build("none"), noise((4, 5))
    assert not term.has_penalty
    assert term.constrain(field, (1, 1)) is field
