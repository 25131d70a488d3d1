"""Image and labels that do not go together are refused before anything is trained."""

import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.workflows.training.scans import Scan, TrainingFiles

LABELS = np.zeros((48, 40), np.uint8)
LABELS[10:12, 5:35], LABELS[20:22, 5:35] = 1, 2
IMAGE = np.random.default_rng(0).normal(100, 10, LABELS.shape)
IMAGE[19:23] += 80
IMAGE = IMAGE.astype(np.uint8)
NAMES = ("background", "fiber")


@pytest.fixture
def read(tmp_path):
    """Save both and read them for a training."""

    def read(labels=LABELS, image=IMAGE, **options):
        np.save(tmp_path / "image.npy", image)
        np.save(tmp_path / "labels.npy", labels)
        return TrainingFiles.read(
            [Scan(tmp_path / "image.npy", tmp_path / "labels.npy")], **options
        )

    return read


@pytest.mark.parametrize("names", [None, NAMES])
def test_good_files_are_read_without_a_word(read, names):
    files = read(class_names=names)
    assert files.counts == {1: 60, 2: 60}
    assert files.class_names == NAMES
    assert files.cautions == ()


@pytest.mark.situation(
    "Labels, and nothing to learn",
    "0/255, 0/127/255, 0/1, gaps, more values than classes, colors",
    "refused, with the `--map` that settles it",
)
@pytest.mark.situation(
    "Labels, and nothing to learn",
    "the image itself, or numbered objects",
    "refused",
)
@pytest.mark.situation(
    "Labels, and nothing to learn",
    "another shape",
    "refused; told if it looks transposed",
)
@pytest.mark.situation(
    "Labels, and nothing to learn",
    "image of one gray value, saturated at all labels, all NaN",
    "refused",
)
@pytest.mark.parametrize(
    ("labels", "image", "names", "sentence"),
    [
        (np.uint8([0, 127, 255])[LABELS], IMAGE, None, "--map 127:1,255:2"),
        (np.uint8([0, 127, 255])[LABELS], IMAGE, NAMES, "--map 127:1,255:2"),
        (np.uint8([0, 0, 1])[LABELS], IMAGE, None, "two classes.*--map 0:1,1:2"),
        (np.uint8([0, 0, 255])[LABELS], IMAGE, None, "--map 0:1,255:2"),
        (LABELS, IMAGE, ("fiber",), "name all classes with --classes"),
        (np.uint8([0, 1, 3])[LABELS], IMAGE, None, "--map 1:1,3:2"),
        (IMAGE, IMAGE, None, "look like an image"),
        (IMAGE.T, IMAGE, None, "look transposed"),
        (IMAGE % 2 + 1, IMAGE % 2 + 1, None, "are the image itself"),
        (LABELS * 0, IMAGE, None, "Not annotated yet"),
        (LABELS, np.full_like(IMAGE, 7), None, "same gray value, 7, so .* nothing"),
        (LABELS, IMAGE * np.float32("nan"), None, "Every gray value .* is NaN"),
    ],
)
def test_what_cannot_be_trained_on(read, labels, image, names, sentence):
    with pytest.raises(InputError, match=sentence):
        read(labels, image, class_names=names)


@pytest.mark.situation(
    "Labels, and nothing to learn",
    "the image itself, or numbered objects",
    "refused",
)
def test_the_image_for_its_labels(tmp_path):
    np.save(tmp_path / "image.npy", IMAGE)
    again = tmp_path / ".." / tmp_path.name / "image.npy"
    with pytest.raises(InputError, match="as the image and as its labels"):
        TrainingFiles.read([Scan(tmp_path / "image.npy", again)])


@pytest.mark.situation(
    "Labels, and nothing to learn",
    "a class without a voxel or with one, JPEG",
    "told",
)
@pytest.mark.situation(
    "Labels, and nothing to learn",
    "classes with one gray value; held-out strokes told apart by chance only",
    "trained, told",
)
@pytest.mark.parametrize(
    ("labels", "image", "names", "caution"),
    [
        (LABELS, IMAGE, (*NAMES, "void"), "have no voxel of void"),
        (np.uint8([3, 1, 2])[LABELS], IMAGE, None, "3 classes, of which only two"),
        (LABELS, (LABELS > 0).astype(np.uint8), None, "have the same gray value, 1"),
        (np.where(LABELS == 2, 0, LABELS), IMAGE, None, "a single voxel of fiber"),
    ],
)
def test_what_a_person_should_know(read, labels, image, names, caution):
    labels = labels.astype(np.uint8)
    if "single" in caution:
        labels[30, 30] = 2
    (said,) = read(labels, image, class_names=names).cautions
    assert caution in said


def test_more_classes_are_numbered_only_where_nobody_named_them(read):
    labels = np.uint8([3, 1, 2])[LABELS]
    assert read(labels).class_names == (*NAMES, "class 3")
    with pytest.raises(InputError, match=r"or .* --map 1:1,2:2,3:0"):
        read(labels, class_names=NAMES)


def test_a_map_makes_labels(read):
    files = read(np.uint8([0, 127, 255])[LABELS], mapping={127: 1, 255: 2})
    np.testing.assert_array_equal(files.annotation.to_dense(), LABELS)
