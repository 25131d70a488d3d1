"""Helpers of the tests that open images."""

import pytest

from napari_sciml.errors import InputError
from napari_sciml.io.images.reading import open_volume


@pytest.fixture
def refused():
    """Assert that a path cannot be opened and that one sentence says why."""

    def check(path, *, match):
        with pytest.raises(InputError, match=match) as caught:
            open_volume(path)
        message = str(caught.value)
        assert "\n" not in message
        assert str(path) in message

    return check
