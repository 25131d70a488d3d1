"""Images that take their values from other files: beside them, or not."""

import h5py
import numpy as np
import pytest
import tifffile

from napari_sciml.errors import InputError
from napari_sciml.io.images.reading import open_volume

PLANE = np.arange(20 * 24, dtype=np.uint16).reshape(20, 24)


@pytest.fixture
def folders(tmp_path):
    """A folder for the image, and one that it should not read."""
    for name in ("here", "here/below", "away"):
        (tmp_path / name).mkdir()
    return tmp_path / "here"


PLACES = [("other", False), ("below/other", False), ("../away/other", True)]


def write_ome(path, named):
    """An OME-TIFF of two planes, the second of which is in a file that it names."""
    uuid = "urn:uuid:00000000-0000-0000-0000-00000000000{}"
    planes = "".join(
        f'<TiffData IFD="0" FirstZ="{z}" PlaneCount="1">'
        f'<UUID FileName="{name}">{uuid.format(z)}</UUID></TiffData>'
        for z, name in enumerate((path.name, named))
    )
    xml = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
        f'UUID="{uuid.format(0)}"><Image ID="Image:0"><Pixels ID="Pixels:0" '
        'DimensionOrder="XYZCT" Type="uint16" SizeX="24" SizeY="20" SizeZ="2" '
        f'SizeC="1" SizeT="1">{planes}</Pixels></Image></OME>'
    )
    tifffile.imwrite(path, PLANE, description=xml, metadata=None)


@pytest.mark.parametrize(("where", "away"), PLACES)
@pytest.mark.parametrize("absolute", [False, True])
def test_ome_tiff(folders, where, away, absolute):
    other = folders / f"{where}.tif"
    tifffile.imwrite(other, PLANE, metadata=None)
    write_ome(
        folders / "a.ome.tif", str(other.resolve() if absolute else where + ".tif")
    )
    if away:
        with pytest.raises(InputError, match="not in its folder"):
            open_volume(folders / "a.ome.tif")
        return
    assert open_volume(folders / "a.ome.tif").shape == (2, 20, 24)


def test_ome_tiff_that_was_moved(folders):
    """Names of files that are not there are as harmless as they were."""
    write_ome(folders / "a.ome.tif", "/data/2019/not_here.tif")
    volume = open_volume(folders / "a.ome.tif")
    assert any("missing" in one for one in volume.cautions)


@pytest.mark.parametrize(("where", "away"), PLACES)
def test_raw_storage(folders, where, away, monkeypatch):
    monkeypatch.chdir(folders)  # where HDF5 begins relative names of raw files
    (folders / where).write_bytes(PLANE.tobytes())
    with h5py.File(folders / "a.h5", "w") as file:
        raw = [(where, 0, PLANE.nbytes)]
        file.create_dataset("data", PLANE.shape, PLANE.dtype, external=raw)
    if away:
        with pytest.raises(InputError, match="not in the folder"):
            open_volume(folders / "a.h5")
        return
    assert np.array_equal(open_volume(folders / "a.h5").data[...], PLANE)


@pytest.mark.parametrize(("where", "away"), PLACES)
@pytest.mark.parametrize("kind", ["link", "virtual"])
def test_other_hdf5_files(folders, where, away, kind):
    with h5py.File(folders / f"{where}.h5", "w") as file:
        file["data"] = PLANE
    with h5py.File(folders / "a.h5", "w") as file:
        if kind == "link":
            file["data"] = h5py.ExternalLink(f"{where}.h5", "/data")
        else:
            layout = h5py.VirtualLayout(PLANE.shape, PLANE.dtype)
            layout[...] = h5py.VirtualSource(f"{where}.h5", "data", PLANE.shape)
            file.create_virtual_dataset("data", layout)
    volume = open_volume(folders / "a.h5")
    assert np.array_equal(volume.data[...], PLANE)
    told = [one for one in volume.cautions if "takes its values from" in one]
    assert bool(told) == away
