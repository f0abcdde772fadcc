import gc

import pytest

from pairreg.backend.gc_pause import gc_paused


def test_nothing_is_collected_inside_and_what_was_made_is_never_looked_at_again() -> None:
    seen = []
    gc.callbacks.append(watch := lambda phase, _: seen.append(phase))
    frozen = gc.get_freeze_count()
    with gc_paused():
        made = [[] for _ in range(10_000)]  # type: ignore[var-annotated]
        during = len(seen)
    gc.callbacks.remove(watch)
    assert during == 0
    assert gc.isenabled()
    assert gc.get_freeze_count() - frozen > len(made)


@pytest.mark.parametrize("enabled", [True, False])
def test_collection_goes_on_as_before_also_after_an_error(enabled: bool) -> None:
    if not enabled:
        gc.disable()
    try:
        with pytest.raises(ImportError), gc_paused():
            raise ImportError
        assert gc.isenabled() is enabled
    finally:
        gc.enable()
        gc.unfreeze()
