"""Files that packages of the extra ``bioio`` read, and what is said without them."""

import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.io.images.reading import open_volume

SHAPE = (6, 7, 8)
GRAY = np.random.default_rng(0).integers(0, 999, SHAPE).astype(np.int16)
NEEDS = "a package of the extra bioio that the tests do without"


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("a.czi", "bioio"),
        ("a.LIF", "bioio"),
        ("a.nd2", "bioio"),
        ("a.mrc", "mrcfile"),
        ("a.nrrd", "nrrd"),
        ("a.nii.gz", "nibabel"),
        ("a.dcm", "pydicom"),
    ],
)
def test_without_the_packages_the_extra_is_named(
    tmp_path, monkeypatch, refused, name, package
):
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    (tmp_path / name).write_bytes(b"something")
    refused(tmp_path / name, match=re.escape('pip install "napari-sciml[bioio]"'))


def check(path, size, unit, values=GRAY):
    volume = open_volume(path)
    np.testing.assert_array_equal(volume.data[...], values)
    np.testing.assert_array_equal(volume.data[2, 1:3], values[2, 1:3])
    assert volume.voxel_size == pytest.approx(size, rel=1e-5)
    assert volume.unit == unit
    return volume.cautions


@pytest.mark.situation(
    "Microscopes and scanners",
    "MRC (`.mrc`, `.rec`, `.map`, `.st`, `.ali`), axes in any order, gzip",
    "read, sizes in Å",
)
@pytest.mark.situation(
    "Microscopes and scanners",
    "MRC with voxels of 1 Å, as programs write that do not know",
    "read, told",
)
@pytest.mark.parametrize("ending", [".mrc", ".mrc.gz", ".rec", ".map", ".st", ".ali"])
@pytest.mark.parametrize(
    ("sizes", "read", "unit", "told"),
    [
        ((2.5, 10, 30), (30, 10, 2.5), "angstrom", None),
        (1, (1, 1, 1), "angstrom", "voxels of 1 Å"),
        (0, (1, 1, 1), "pixel", None),
    ],
)
def test_mrc(tmp_path, ending, sizes, read, unit, told):
    mrcfile = pytest.importorskip("mrcfile", reason=NEEDS)
    path = tmp_path / f"a{ending}"
    packed = "gzip" if ending.endswith(".gz") else None
    with mrcfile.new(path, GRAY, compression=packed) as file:
        file.voxel_size = sizes
    cautions = check(path, read, unit)
    assert len(cautions) == bool(told)
    assert not told or told in cautions[0]


@pytest.mark.situation(
    "Microscopes and scanners",
    "MRC (`.mrc`, `.rec`, `.map`, `.st`, `.ali`), axes in any order, gzip",
    "read, sizes in Å",
)
def test_mrc_with_its_axes_in_another_order(tmp_path):
    mrcfile = pytest.importorskip("mrcfile", reason=NEEDS)
    with mrcfile.new(tmp_path / "a.mrc", np.ascontiguousarray(GRAY.T)) as file:
        file.header.mapc, file.header.mapr, file.header.maps = 3, 2, 1
        file.header.mx, file.header.my, file.header.mz = SHAPE[::-1]
        file.header.cella = (8 * 2.5, 7 * 10, 6 * 30)
    assert check(tmp_path / "a.mrc", (30, 10, 2.5), "angstrom") == ()


@pytest.mark.situation(
    "Microscopes and scanners",
    "NRRD with directions or spacings, kinds of axes",
    "read; axes not at right angles: told",
)
@pytest.mark.parametrize("encoding", ["raw", "gzip"])
@pytest.mark.parametrize("way", ["directions", "spacings", "none", "sheared"])
def test_nrrd(tmp_path, way, encoding):
    nrrd = pytest.importorskip("nrrd", reason=NEEDS)
    directions = np.array([[0, 0.5, 0], [0.7, 0, 0], [0, 0, 2.0]])
    if way == "sheared":
        directions[0] = 0.3, 0.4, 0
    space = {"space dimension": 3, "space units": ["mm"] * 3}
    header = {
        "spacings": {"spacings": [0.5, 0.7, 2.0], "units": ["mm"] * 3},
        "none": {},
    }.get(way, {"space directions": directions, **space})
    path = str(tmp_path / "a.nrrd")
    nrrd.write(path, GRAY, {**header, "encoding": encoding}, index_order="C")
    size, unit = (
        ((1, 1, 1), "pixel") if way == "none" else ((2, 0.7, 0.5), "millimeter")
    )
    cautions = check(tmp_path / "a.nrrd", size, unit)
    assert "right angles" in cautions[0] if way == "sheared" else cautions == ()


@pytest.mark.situation(
    "Microscopes and scanners",
    "NRRD with directions or spacings, kinds of axes",
    "read; axes not at right angles: told",
)
def test_nrrd_of_channels(tmp_path):
    nrrd = pytest.importorskip("nrrd", reason=NEEDS)
    colors = np.stack([GRAY, GRAY + 1], axis=-1)
    kinds = ["list", "domain", "domain", "domain"]
    header = {"kinds": kinds, "spacings": [np.nan, 0.5, 0.7, 2.0]}
    nrrd.write(str(tmp_path / "a.nrrd"), colors, header, index_order="C")
    volume = open_volume(tmp_path / "a.nrrd")
    np.testing.assert_array_equal(volume.data[...], colors)
    assert volume.voxel_size == (2, 0.7, 0.5)


@pytest.mark.situation(
    "Microscopes and scanners",
    "NIfTI, gzip, slope and intercept",
    "read, values scaled; unit unknown: voxels have a shape only",
)
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize(
    ("unit", "read"), [("micron", "micrometer"), ("mm", "millimeter"), (0, "pixel")]
)
def test_nifti(tmp_path, name, unit, read):
    nibabel = pytest.importorskip("nibabel", reason=NEEDS)
    image = nibabel.Nifti1Image(GRAY.T, np.diag([-0.5, 0.7, 2.0, 1]))
    image.header.set_xyzt_units(unit)
    nibabel.save(image, tmp_path / name)
    assert check(tmp_path / name, (2, 0.7, 0.5), read) == ()


@pytest.mark.situation(
    "Microscopes and scanners",
    "NIfTI, gzip, slope and intercept",
    "read, values scaled; unit unknown: voxels have a shape only",
)
@pytest.mark.situation("Microscopes and scanners", "several scenes, time", "refused")
def test_nifti_is_scaled_and_time_is_refused(tmp_path, refused):
    nibabel = pytest.importorskip("nibabel", reason=NEEDS)
    image = nibabel.Nifti1Image(GRAY.T, np.eye(4))
    image.header.set_slope_inter(0.5, 3)
    nibabel.save(image, tmp_path / "a.nii")
    truth = np.asanyarray(nibabel.load(tmp_path / "a.nii").dataobj).T
    assert truth.dtype.kind == "f"
    check(tmp_path / "a.nii", (1, 1, 1), "pixel", truth)
    series = nibabel.Nifti1Image(np.stack([GRAY.T] * 2, axis=-1), np.eye(4))
    nibabel.save(series, tmp_path / "t.nii")
    refused(tmp_path / "t.nii", match="2 time points")


@pytest.mark.parametrize("name", ["a.mrc", "a.nii", "a.nrrd"])
def test_file_that_was_cut_off(tmp_path, name):
    mrcfile = pytest.importorskip("mrcfile", reason=NEEDS)
    nibabel = pytest.importorskip("nibabel", reason=NEEDS)
    nrrd = pytest.importorskip("nrrd", reason=NEEDS)
    path = tmp_path / name
    writers = {
        "a.mrc": lambda: mrcfile.write(path, GRAY),
        "a.nii": lambda: nibabel.save(nibabel.Nifti1Image(GRAY, np.eye(4)), path),
        "a.nrrd": lambda: nrrd.write(str(path), GRAY, {"encoding": "raw"}),
    }
    writers[name]()
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match="may be damaged"):
        _ = open_volume(path).data[...]


@pytest.mark.situation(
    "Microscopes and scanners",
    "CZI, LIF, ND2 of one scene",
    "read through bioio, sizes in µm",
)
def test_czi(tmp_path):
    czi = pytest.importorskip("pylibCZIrw.czi", reason=NEEDS)
    pytest.importorskip("bioio_czi", reason=NEEDS)
    planes = GRAY.astype(np.uint16)
    path = tmp_path / "a.czi"
    with czi.create_czi(str(path)) as file:
        for z, plane in enumerate(planes):
            file.write(plane[..., None], plane={"C": 0, "Z": z, "T": 0})
        file.write_metadata(scale_x=5e-7, scale_y=7e-7, scale_z=2e-6)
    assert check(path, (2, 0.7, 0.5), "micrometer", planes) == ()


@pytest.mark.situation(
    "Microscopes and scanners",
    "CZI, LIF, ND2 of one scene",
    "read through bioio, sizes in µm",
)
@pytest.mark.situation("Microscopes and scanners", "several scenes, time", "refused")
@pytest.mark.parametrize(
    ("name", "axes", "scenes", "told"),
    [
        ("a.lif", "TCZYX", 1, None),
        ("a.nd2", "ZYX", 1, None),
        ("a.lif", "ZYX", 2, "holds 2 scenes"),
        ("a.nd2", "TYX", 1, "6 time points"),
    ],
)
def test_light_microscopes_go_through_bioio(
    tmp_path, monkeypatch, refused, name, axes, scenes, told
):
    """A stand-in for bioio: no package writes these files."""
    shape = (1,) * (len(axes) - 3) + SHAPE
    image = SimpleNamespace(
        scenes=range(scenes),
        physical_pixel_sizes=SimpleNamespace(Z=2.0, Y=0.7, X=0.5),
        dask_data=GRAY.reshape(shape),
        dims=SimpleNamespace(order=axes),
    )
    bioio = SimpleNamespace(BioImage=lambda path: image)
    monkeypatch.setitem(sys.modules, "bioio", bioio)
    (tmp_path / name).write_bytes(b"something")
    if told:
        refused(tmp_path / name, match=told)
    else:
        assert check(tmp_path / name, (2, 0.7, 0.5), "micrometer") == ()


@pytest.mark.situation("Microscopes and scanners", "several scenes, time", "refused")
def test_czi_of_several_scenes(tmp_path, refused):
    czi = pytest.importorskip("pylibCZIrw.czi", reason=NEEDS)
    pytest.importorskip("bioio_czi", reason=NEEDS)
    with czi.create_czi(str(tmp_path / "a.czi")) as file:
        for scene in range(2):
            plane = GRAY[scene].astype(np.uint16)[..., None]
            file.write(plane, scene=scene, location=(20 * scene, 0))
    refused(tmp_path / "a.czi", match="holds 2 scenes")
