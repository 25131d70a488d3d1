"""What is next, for everything that there may be in a viewer."""

from dataclasses import replace

import pytest

from napari_sciml.plugin.flow.advice import Facts, Step, advise, done_steps

NOTHING = Facts()
OPENED = Facts(image=True, missing=("background", "fiber"))
EMPTY = replace(OPENED, annotating=True)
HALF = replace(EMPTY, missing=("fiber",), strokes=3)
PAINTED = replace(HALF, missing=(), strokes=1)
STARTED = replace(PAINTED, training=True)
DOUBTFUL = replace(STARTED, model=True, unknown=("fiber",), share=0.1)
LEARNING = replace(DOUBTFUL, unknown=())
SETTLED = replace(LEARNING, settled=True)
STOPPED = replace(SETTLED, training=False)
PREDICTED = replace(STOPPED, share=1.0)
KEPT = replace(PREDICTED, kept=True)
MEASURED = replace(KEPT, measured=True)
POOR = {"poor": True}


@pytest.mark.parametrize(
    ("facts", "step", "words"),
    [
        (NOTHING, Step.ANNOTATE, "Open an image"),
        (OPENED, Step.ANNOTATE, "Start annotating"),
        (EMPTY, Step.ANNOTATE, "strokes of background and fiber"),
        (HALF, Step.ANNOTATE, "strokes of fiber."),
        (PAINTED, Step.TRAIN, "learns from your 1 stroke,"),
        (replace(PAINTED, strokes=1200), Step.TRAIN, "1,200 strokes"),
        (STARTED, Step.TRAIN, "first picture"),
        # The switch may be on before the first stroke.
        (replace(HALF, training=True), Step.ANNOTATE, "strokes of fiber."),
        (DOUBTFUL, Step.ANNOTATE, "more strokes of fiber"),
        (
            replace(DOUBTFUL, unknown=("background", "fiber")),
            Step.ANNOTATE,
            "more strokes of background and fiber",
        ),
        (replace(DOUBTFUL, unknown=("background",)), Step.UNCERTAINTY, "wrong"),
        (replace(LEARNING, behind=True), Step.TRAIN, "being learned"),
        (LEARNING, Step.UNCERTAINTY, "Paint where the picture is wrong"),
        (SETTLED, Step.TRAIN, "until the whole image is predicted"),
        (STOPPED, Step.TRAIN, "Press Predict"),
        (replace(STOPPED, behind=True), Step.TRAIN, "painted since"),
        (PREDICTED, Step.UNCERTAINTY, "Keep what is sure to be fiber"),
        (KEPT, Step.FIBERS, "Press Measure fibers"),
        (MEASURED, Step.FIBERS, "export"),
        (replace(MEASURED, drops_most=True), Step.FIBERS, "lower Drop under"),
        (replace(MEASURED, outdated=True), Step.FIBERS, "again: the mask has changed"),
        # It is poor, but nobody is kept from going on.
        (replace(PREDICTED, **POOR), Step.UNCERTAINTY, "found poorly"),
        (replace(PREDICTED, **POOR), Step.UNCERTAINTY, "Or keep what is sure"),
        (replace(KEPT, **POOR), Step.FIBERS, "Press Measure fibers"),
        # What to do where there is nothing to correct.
        (LEARNING, Step.UNCERTAINTY, "or wait"),
        # Another image was chosen: nobody has painted on it.
        (
            replace(OPENED, model=True, behind=True),
            Step.ANNOTATE,
            "learned from another",
        ),
        # A model that was loaded needs no strokes.
        (replace(OPENED, model=True), Step.TRAIN, "Press Predict"),
    ],
)
def test_next(facts, step, words) -> None:
    found = advise(facts)
    assert found.step is step
    assert words in found.sentence


def test_what_is_done() -> None:
    ends = (OPENED, PAINTED, LEARNING, KEPT, MEASURED)
    assert [len(done_steps(facts)) for facts in ends] == [0, 1, 2, 3, 4]
    assert done_steps(DOUBTFUL) == {Step.ANNOTATE}
    assert Step.FIBERS not in done_steps(replace(MEASURED, outdated=True))
