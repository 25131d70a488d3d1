"""Labels as other programs write them: read, or refused with what settles it."""

import re

import numpy as np
import pytest
from PIL import Image

from napari_sciml.errors import InputError
from napari_sciml.io.images.label_classes import check_classes, missing_classes
from napari_sciml.io.images.label_map import map_in_words, read_label_map
from napari_sciml.io.images.reading import open_gray, open_labels, open_volume

LABELS = np.zeros((12, 10), np.uint8)
LABELS[2, 1:9], LABELS[7, 2:5] = 1, 2
COLORS = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0]], np.uint8)
NAMES = ("background", "fiber")


def look_up(*values, dtype=np.uint8):
    """The labels with other values for 0, 1 and 2."""
    return np.array(values, dtype)[LABELS]


def with_palette(values, *colors):
    picture = Image.fromarray(values)
    flat = [sample for color in colors for sample in color]
    picture.putpalette(flat + [7] * (768 - len(flat)))
    return picture


def with_alpha():
    """White and transparent where nothing is painted."""
    samples = np.full((*LABELS.shape, 4), 255, np.uint8)
    samples[..., :3][LABELS > 0] = COLORS[LABELS[LABELS > 0]]
    samples[..., 3] = np.where(LABELS, 255, 0)
    return Image.fromarray(samples)


def save(folder, what, name="labels.png"):
    path = folder / name
    if isinstance(what, Image.Image):
        what.save(path)
    else:
        np.save(path.with_suffix(".npy"), what)
        path = path.with_suffix(".npy")
    return path


@pytest.mark.situation(
    "Labels, and nothing to learn",
    "whole numbers of any type, palette PNG and GIF, gray saved as RGB",
    "read",
)
@pytest.mark.parametrize(
    ("what", "name"),
    [
        (with_palette(LABELS, *COLORS.tolist()), "a.png"),
        (with_palette(LABELS, *COLORS.tolist()), "a.gif"),
        (with_palette(LABELS, (128, 128, 128), (0, 255, 255), (255, 0, 255)), "a.png"),
        (Image.fromarray(LABELS), "a.png"),
        (Image.fromarray(LABELS.astype(np.uint16)), "a.png"),
        (Image.fromarray(np.dstack([LABELS] * 3)), "a.png"),
        (LABELS.astype(np.float64), "a.npy"),
    ],
    ids=["palette", "gif", "odd palette", "gray", "16 bit", "gray as rgb", "float"],
)
def test_one_value_a_voxel_is_read_as_it_is(tmp_path, what, name):
    volume = open_labels(save(tmp_path, what, name), LABELS.shape)
    np.testing.assert_array_equal(volume.data, LABELS)
    assert volume.cautions == ()


def test_a_palette_shows_a_mask_but_colors_an_image(tmp_path):
    path = save(tmp_path, with_palette(LABELS, *COLORS.tolist()))
    np.testing.assert_array_equal(open_gray(path).data, LABELS)
    np.testing.assert_array_equal(open_volume(path).data[...], COLORS[LABELS])


@pytest.mark.situation(
    "Labels, and nothing to learn",
    "probabilities, fractions, NaN, negative, above 255",
    "refused; read with a map",
)
@pytest.mark.parametrize(
    ("what", "mapping"),
    [
        (look_up(0, 127, 255), "127:1,255:2"),
        (look_up(255, 3, 0), "255:0,3:1,0:2"),
        (look_up(0, -1, 300, dtype=np.int16), "-1:1,300:2"),
        (look_up(np.nan, 0.3, 0.8, dtype=np.float64), "nan:0, 0.3:1, 0.8:2"),
        (Image.fromarray(COLORS[LABELS]), "#FF0000:1,#00ff00:2"),
        (with_alpha(), "#ff0000:1,#00ff00:2"),
        (
            with_palette(look_up(2, 0, 1), *np.roll(COLORS, -1, 0)),
            "#ff0000:1,#00ff00:2",
        ),
        (Image.fromarray(np.dstack([look_up(0, 127, 255)] * 3)), "#7f7f7f:1,255:2"),
    ],
)
def test_a_map_tells_the_classes(tmp_path, what, mapping):
    path = save(tmp_path, what)
    volume = open_labels(path, LABELS.shape, mapping=read_label_map([mapping]))
    np.testing.assert_array_equal(volume.data, LABELS)


@pytest.mark.situation(
    "Labels, and nothing to learn",
    "0/255, 0/127/255, 0/1, gaps, more values than classes, colors",
    "refused, with the `--map` that settles it",
)
@pytest.mark.situation(
    "Labels, and nothing to learn",
    "probabilities, fractions, NaN, negative, above 255",
    "refused; read with a map",
)
@pytest.mark.parametrize(
    ("what", "mapping", "sentence"),
    [
        (look_up(0, 127, 255), "127:1", r"also hold 255 \(3 voxels\).*like 255:0"),
        (look_up(9, 1, 2), "1:1,2:2", r"also hold 9 \(109 voxels\)"),
        (Image.fromarray(COLORS[LABELS]), "#ff0000:1", r"also hold #00ff00 \(3 vox"),
        (Image.fromarray(COLORS[LABELS]), "", r"#000000 \(109 voxels\), #ff0000 \(8\)"),
        (Image.fromarray(COLORS[LABELS]), "", "--map #ff0000:1,#00ff00:2"),
        (Image.fromarray(np.roll(COLORS[LABELS], 1, 0) ^ 255), "", "--map #ffffff:0"),
        (np.arange(360).reshape(12, 10, 3).astype(np.uint8), "", "looks like an image"),
        (np.zeros((12, 10, 3), np.uint16), "", "have 3 channels"),
        (look_up(0, 0.3, 0.8, dtype=np.float32), "", "as probabilities do: 0.3"),
        (look_up(0, 1.5, 2, dtype=np.float32), "", r"not whole numbers: 1.5 \(8 vox"),
        (look_up(0, -1, 2, dtype=np.int8), "", r"from -1 to 2 and hold -1 \(8"),
        (look_up(np.nan, 1, 2, dtype=np.float32), "", r"not all numbers.*nan \(109\)"),
        (look_up(0, 1, 999, dtype=np.uint16), "", "train --map value:class"),
    ],
)
def test_values_are_never_guessed(tmp_path, what, mapping, sentence):
    path = save(tmp_path, what)
    given = read_label_map([mapping]) or None
    with pytest.raises(InputError, match=sentence):
        open_labels(path, LABELS.shape, mapping=given)


@pytest.mark.parametrize(
    "text", ["127", "127:", "a:1", ":1", "#ff00:1", "1:256", "1:-1"]
)
def test_a_map_that_cannot_be_read(text):
    with pytest.raises(InputError, match=f"'{re.escape(text)}' cannot be read"):
        read_label_map([text])


def test_a_map_may_come_in_parts_and_must_agree():
    mapping = read_label_map(["127:1", "255:2,#ff0000:0", "127:1"])
    assert map_in_words(mapping) == {"127": 1, "255": 2, "#ff0000": 0}
    with pytest.raises(InputError, match="gives 127 two classes"):
        read_label_map(["127:1", "127:2"])


@pytest.mark.situation(
    "Labels, and nothing to learn",
    "another shape",
    "refused; told if it looks transposed",
)
@pytest.mark.parametrize(
    ("shape", "hint"),
    [((10, 12), "look transposed"), ((12, 11), "labels of the same shape")],
)
def test_transposed_labels_are_told(tmp_path, shape, hint):
    with pytest.raises(InputError, match=rf"shape \(12, 10\).*{hint}"):
        open_labels(save(tmp_path, LABELS), shape)


@pytest.mark.situation(
    "Labels, and nothing to learn",
    "a class without a voxel or with one, JPEG",
    "told",
)
def test_labels_that_may_be_wrong_are_cautioned(tmp_path):
    Image.fromarray(LABELS * 0 + 1).save(tmp_path / "a.jpg")
    assert "JPEG" in open_labels(tmp_path / "a.jpg", LABELS.shape).cautions[0]
    sorted_by_use = with_palette(look_up(2, 0, 1), *np.roll(COLORS, -1, 0))
    (caution,) = open_labels(save(tmp_path, sorted_by_use), LABELS.shape).cautions
    assert "0, not annotated, is #ff0000 and 2 is black" in caution


def test_an_animation_is_refused(tmp_path):
    pictures = [with_palette(look_up(0, 1, n), *COLORS.tolist()) for n in (1, 2)]
    path = tmp_path / "a.gif"
    pictures[0].save(path, save_all=True, append_images=pictures[1:])
    with pytest.raises(InputError, match="holds 2 pictures"):
        open_labels(path, LABELS.shape)


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
@pytest.mark.parametrize(
    ("labels", "names", "sentence"),
    [
        (look_up(0, 127, 255), NAMES, r"127 \(8 voxels\) and 255 \(3\).*127:1,255:2"),
        (look_up(0, 0, 255), NAMES, "--map 0:1,255:2 where 0 is the class 1"),
        (look_up(0, 1, 2), ("fiber",), "only class is 1 = fiber: ADD, or .* 1:1,2:0"),
        (look_up(0, 1, 3), NAMES, "background and 2 = fiber.*--map 1:1,3:2"),
        (look_up(4, 1, 3), NAMES, "go up to 4.*ADD, or .*--map 1:1,3:2,4:0"),
        (np.arange(120, dtype=np.uint8), NAMES, "119 different values from 1 to 119"),
    ],
)
def test_each_label_needs_a_class(labels, names, sentence):
    with pytest.raises(InputError, match=sentence):
        check_classes(labels, names, "The labels", advice="ADD")


@pytest.mark.situation(
    "Labels, and nothing to learn",
    "a class without a voxel or with one, JPEG",
    "told",
)
def test_classes_without_voxels_are_told():
    counts = check_classes(LABELS, ("a", "b", "c"), "They", advice="")
    assert counts == {1: 8, 2: 3}
    assert missing_classes(counts, NAMES, "They") == ()
    (said,) = missing_classes(counts, ("a", "b", "c"), "They")
    assert "no voxel of c" in said
    assert "if 0 stands for a, use --map 0:1,1:2,2:3" in said
    (said,) = missing_classes({1: 5, 2: 1}, NAMES, "They")
    assert "a single voxel of fiber" in said
