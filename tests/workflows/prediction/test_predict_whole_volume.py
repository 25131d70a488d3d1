import pytest

from napari_sciml.errors import InputError
from napari_sciml.workflows.prediction.volume import predict_to_disk


@pytest.mark.parametrize("name", ["p.tif", "p.h5"])
def test_a_name_of_another_kind_of_file_is_refused(tmp_path, name) -> None:
    nothing = {"source": "image", "record": {}}
    with pytest.raises(InputError, match=r"end in \.zarr"):
        next(predict_to_disk(None, None, tmp_path / name, **nothing))
    assert not list(tmp_path.iterdir())
