"""DICOM files that pydicom writes, and what we read of them."""

import numpy as np
import pytest

from napari_sciml.io.images.reading import open_volume

pydicom = pytest.importorskip("pydicom", reason="a package of the extra bioio")

SHAPE = (6, 7, 8)
GRAY = np.random.default_rng(0).integers(0, 999, SHAPE).astype(np.uint16)
Z, Y, X = 2.5, 0.5, 0.25


def dataset(pixels, **fields):
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    made.SOPClassUID = SecondaryCaptureImageStorage
    made.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    made.SeriesInstanceUID = "1.2.3"
    made.Rows, made.Columns = pixels.shape[-2:]
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated = made.BitsStored = 16
    made.HighBit, made.PixelRepresentation = 15, 0
    if pixels.ndim == 3:
        made.NumberOfFrames = len(pixels)
    made.PixelSpacing = [Y, X]
    for name, value in fields.items():
        setattr(made, name, value)
    made.PixelData = pixels.astype("<u2").tobytes()
    return made


def slice_of(z, *, at=None, **fields):
    """A slice of a stack along z; names and numbers tell nothing of the order."""
    place = {"ImagePositionPatient": [1, 2, Z * z if at is None else at]}
    if at == "unknown":
        place = {}
    return dataset(
        GRAY[z],
        **{"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], **place, **fields},
    )


def write_series(folder, **changed):
    """Slices under shuffled names; ``changed`` has fields by slice, such as s3={…}."""
    folder.mkdir()
    for z, name in zip(range(SHAPE[0]), "fbdace", strict=True):
        slice_of(z, **changed.get(f"s{z}", {}), **changed.get("all", {})).save_as(
            folder / f"{name}.dcm"
        )
    return folder


SECTION = "Microscopes and scanners"


@pytest.mark.situation(
    SECTION, "DICOM: a folder of slices", "read in the order of their positions"
)
def test_a_series_is_ordered_by_place(tmp_path) -> None:
    volume = open_volume(write_series(tmp_path / "series"))
    np.testing.assert_array_equal(volume.data[...], GRAY)
    np.testing.assert_array_equal(volume.data[2, 1:3], GRAY[2, 1:3])
    assert volume.voxel_size == pytest.approx((Z, Y, X))
    assert (volume.unit, volume.cautions) == ("millimeter", ())


def test_slices_that_lie_oblique_are_ordered_across_them(tmp_path) -> None:
    folder = tmp_path / "series"
    folder.mkdir()
    across = np.array([0.6, 0, 0.8])
    for z, name in zip(range(SHAPE[0]), "fbdace", strict=True):
        slice_of(
            z,
            ImageOrientationPatient=[0.8, 0, -0.6, 0, 1, 0],
            ImagePositionPatient=list(5 + Z * z * across),
        ).save_as(folder / f"{name}.dcm")
    volume = open_volume(folder)
    np.testing.assert_array_equal(volume.data[...], GRAY)
    assert volume.voxel_size == pytest.approx((Z, Y, X))


@pytest.mark.situation(SECTION, "DICOM: slope and intercept", "values scaled")
def test_values_are_scaled(tmp_path) -> None:
    fields = {"RescaleSlope": 2, "RescaleIntercept": -1000}
    volume = open_volume(write_series(tmp_path / "series", all=fields))
    np.testing.assert_array_equal(volume.data[...], GRAY * 2.0 - 1000)


@pytest.mark.situation(
    SECTION,
    "DICOM: a gap between slices, positions that not all files tell, 0 as white",
    "read, told",
)
@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"s5": {"at": 6 * Z}}, "not evenly spaced, first after slice 5"),
        (
            {f"s{z}": {"at": "unknown", "InstanceNumber": z + 1} for z in range(6)},
            "ordered by their numbers",
        ),
        ({"all": {"PhotometricInterpretation": "MONOCHROME1"}}, "0 as white"),
    ],
)
def test_doubts_are_told(tmp_path, changed, told) -> None:
    volume = open_volume(write_series(tmp_path / "series", **changed))
    np.testing.assert_array_equal(volume.data[...], GRAY)
    assert any(told in caution for caution in volume.cautions)


@pytest.mark.situation(
    SECTION,
    "DICOM: several series, two slices at one place, slices of different shapes",
    "refused",
)
@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"s3": {"SeriesInstanceUID": "9.9"}}, "2 series"),
        ({"s3": {"at": 0.0}}, "several slices at one place"),
        ({"s3": {"Rows": 8, "Columns": 7}}, "different shapes"),
    ],
)
def test_series_that_are_none(tmp_path, refused, changed, match) -> None:
    refused(write_series(tmp_path / "series", **changed), match=match)


@pytest.mark.situation(
    SECTION, "DICOM: one file, also of several frames", "read, sizes in mm"
)
@pytest.mark.parametrize("count", [1, 6])
def test_one_file(tmp_path, count) -> None:
    pixels = GRAY if count > 1 else GRAY[0]
    path = tmp_path / "a.dcm"
    dataset(pixels, SpacingBetweenSlices=Z).save_as(path)
    volume = open_volume(path)
    np.testing.assert_array_equal(volume.data[...], pixels)
    assert volume.voxel_size == pytest.approx((Z, Y, X)[-pixels.ndim :])
    told = any("taken from SpacingBetweenSlices" in one for one in volume.cautions)
    assert told == (count > 1)


def test_frames_that_say_where_they_lie(tmp_path) -> None:
    from pydicom.dataset import Dataset

    def item(name, **fields):
        inner, outer = Dataset(), Dataset()
        for field, value in fields.items():
            setattr(inner, field, value)
        setattr(outer, name, [inner])
        return outer

    shared = item("PixelMeasuresSequence", PixelSpacing=[Y, X], SliceThickness=9)
    oriented = item(
        "PlaneOrientationSequence", ImageOrientationPatient=[1, 0, 0, 0, 1, 0]
    )
    shared.update(oriented)
    frames = [
        item("PlanePositionSequence", ImagePositionPatient=[0, 0, Z * z])
        for z in range(SHAPE[0])
    ]
    made = dataset(
        GRAY,
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=frames,
    )
    del made.PixelSpacing
    made.save_as(tmp_path / "a.dcm")
    volume = open_volume(tmp_path / "a.dcm")
    np.testing.assert_array_equal(volume.data[...], GRAY)
    assert volume.voxel_size == pytest.approx((Z, Y, X))
    assert volume.cautions == ()


@pytest.mark.parametrize("at", [50, 140, 300, -1])
def test_a_cut_file_is_one_sentence(tmp_path, refused, at) -> None:
    dataset(GRAY).save_as(tmp_path / "a.dcm")
    whole = (tmp_path / "a.dcm").read_bytes()
    (tmp_path / "a.dcm").write_bytes(whole[:at])
    refused(tmp_path / "a.dcm", match="")
