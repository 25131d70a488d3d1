"""Classes that points are examples of, and what all others are sorted into."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_sciml.classification.config import COVERAGE
from napari_sciml.errors import InputError
from napari_sciml.exploring.patches import PatchGrid
from napari_sciml.io.results.outputs import check_output
from napari_sciml.plugin.exploring.class_state import ClassState
from napari_sciml.plugin.exploring.layers import CLASSES, remove_layer, show_classes
from napari_sciml.plugin.exploring.selection import PatchSelection
from napari_sciml.plugin.kit.replacing import sources
from napari_sciml.plugin.layers.images import pixels
from napari_sciml.workflows.classifying.viewing import (
    ClassesWritten,
    PatchesSorted,
    apply_in_view,
    keep_model,
    sort_in_view,
    write_table,
)

if TYPE_CHECKING:
    from napari_sciml.plugin.state.workspace import Workspace
    from napari_sciml.workflows.classifying.patches import SortedPatches

MOST_STEPS = 100
"""That can be undone."""
LONGEST_NAME = 60
NOTHING_SORTED = 'Nothing is sorted yet: press "Classify" first.'
NO_SELECTION = (
    "Nothing is selected: draw a lasso round a few points that are of one kind first."
)


class PatchClasses:
    """Gives points classes, lets them be sorted, and shows that in the image.

    Parameters
    ----------
    workspace
        Has the layers.
    selection
        What was explored, and which points are selected.
    start
        Starts a job, told its name and what it gets.

    Attributes
    ----------
    coverage
        Share of points whose possible classes shall hold the true one.
    state
        The examples, and what was sorted.
    note
        What was done last, for the user.
    changed
        Something here is another.
    """

    changed = Signal()

    def __init__(
        self,
        workspace: "Workspace",
        selection: PatchSelection,
        start: Callable[..., None],
    ) -> None:
        self._workspace, self._selection, self._start = workspace, selection, start
        self.coverage, self.note = COVERAGE, ""
        self.state = ClassState()
        self._before: list[ClassState] = []
        self._rows: np.ndarray | None = None

    @property
    def examples(self) -> dict[str, np.ndarray]:
        """Numbers of the points that are examples, by class."""
        return self.state.examples

    @property
    def found(self) -> "SortedPatches | None":
        """What was sorted; None before."""
        return self.state.found

    @property
    def numbers(self) -> np.ndarray | None:
        """Number of the class of each point; None where none is sorted."""
        return self.state.numbers

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._before)

    def begin(self, examples: dict[str, np.ndarray] | None = None) -> None:
        """Another exploration is looked at, perhaps with examples of before."""
        self.state, self._before, self._rows = ClassState(examples or {}), [], None
        self.note = ""
        self._show()

    def give(self, name: str) -> None:
        """Make the selected points examples of a class.

        Raises
        ------
        InputError
            When nothing is selected, or the class has no name.
        """
        name = " ".join(name.split())[:LONGEST_NAME]
        selected = self._selection.selected
        if not len(selected):
            raise InputError(NO_SELECTION)
        if not name:
            raise InputError("A class needs a name: write one beside the button.")
        examples = self._without(selected)
        old = examples.get(name, np.zeros(0, np.intp))
        examples[name] = np.union1d(old, selected)
        self._step(ClassState(examples, self.found, self.state.of))
        self.note = f"{len(examples[name]):,} examples of {name}."
        self._show()

    def take(self) -> None:
        """Make the selected points examples of nothing."""
        if not len(self._selection.selected):
            raise InputError(NO_SELECTION)
        examples = self._without(self._selection.selected)
        self._step(ClassState(examples, self.found, self.state.of))
        self._show()

    def undo(self) -> None:
        """Take the last step back."""
        if self._before:
            self.state = self._before.pop()
            self.note = "Undone."
            self._show()

    def classify(self) -> None:
        """Learn from the examples, and sort all points.

        Raises
        ------
        InputError
            When there are too few examples, or something else runs.
        """
        exploration = self._selection.exploration
        if exploration is None:
            raise InputError('Nothing is explored yet: press "Explore".')
        if len(self.examples) < 2:
            raise InputError(
                "Classes are told apart from examples of two at least: select some "
                'points of another kind, and press "Example of".'
            )
        images = self._images()
        self._start(
            *("sort", sort_in_view, exploration.explored, self.examples, images),
            *(self.coverage, self._rows),
        )

    def suggest(self) -> np.ndarray:
        """Select the points whose class is least certain, and go to the first.

        Raises
        ------
        InputError
            When nothing is sorted yet.
        """
        found, exploration = self.found, self._selection.exploration
        if found is None or exploration is None:
            raise InputError(NOTHING_SORTED)
        from napari_sciml.workflows.classifying.patches import unsure

        chosen = unsure(exploration.explored, found.found, self.examples)
        self._selection.select(chosen)
        if len(chosen):
            self._selection.go_to(int(chosen[0]))
        return chosen

    def write(self, out: Path, *, overwrite: bool = False) -> None:
        """Write the table that the command writes.

        Raises
        ------
        InputError
            When nothing is sorted, it would replace something, or something else runs.
        """
        found, explored = self._sorted()
        out = out if out.suffix.lower() == ".csv" else out.with_name(f"{out.name}.csv")
        check_output(out, "classification", inputs=self._files(), overwrite=overwrite)
        names = self._names(len(explored))
        self._start("write", write_table, explored, found, names, out)

    def keep(self, folder: Path, *, overwrite: bool = False) -> None:
        """Keep what was learned as the folder of a model.

        Raises
        ------
        InputError
            When nothing is sorted, it would replace something, or something else runs.
        """
        found, explored = self._sorted()
        inputs = self._files()
        check_output(folder, "model", inputs=inputs, overwrite=overwrite, folder=True)
        self._start("write", keep_model, found, folder, self._names(len(explored)))

    def use(self, folder: Path) -> None:
        """Sort by a model that was kept.

        Raises
        ------
        InputError
            When nothing is explored, or something else runs.
        """
        exploration = self._selection.exploration
        if exploration is None:
            raise InputError('Nothing is explored yet: press "Explore".')
        images = self._images()
        given = exploration.explored, folder, images, self.coverage
        self._start("sort", apply_in_view, *given)

    def heard(self, event: Any) -> None:
        """Take what a job of ours yields."""
        exploration = self._selection.exploration
        if isinstance(event, ClassesWritten):
            self.note = f"Written to {event.path}"
        elif isinstance(event, PatchesSorted) and exploration is not None:
            if event.explored.plane is not exploration.explored.plane:
                return
            found = event.found
            self._rows = found.rows if found.learned else self._rows
            self._step(ClassState(self.examples, found, self.examples))
            self.note = ""
            self._show()

    def _step(self, state: ClassState) -> None:
        self._before = [*self._before, self.state][-MOST_STEPS:]
        self.state = state

    def _without(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Examples, a point being of one class at most."""
        left = {n: np.setdiff1d(own, rows) for n, own in self.examples.items()}
        return {name: own for name, own in left.items() if len(own)}

    def _sorted(self) -> "tuple[SortedPatches, Any]":
        exploration = self._selection.exploration
        if self.found is None or exploration is None:
            raise InputError(NOTHING_SORTED)
        return self.found, exploration.explored

    def _layers(self) -> list[Any]:
        exploration = self._selection.exploration
        return [] if exploration is None else [ref() for ref in exploration.layers]

    def _images(self) -> list[Any]:
        """Arrays of the images that are points."""
        exploration = self._selection.exploration
        if exploration is None or not exploration.explored.several:
            return []
        layers = self._layers()
        if not all(map(self._workspace.has, layers)):
            raise InputError("An image was closed: explore again.")
        return [pixels(layer) for layer in layers]

    def _files(self) -> list[Path]:
        return sources(*self._layers())

    def _names(self, count: int) -> list[str]:
        names = ["" if layer is None else layer.name for layer in self._layers()]
        return names if len(names) == count else names[:1] * count

    def _show(self) -> None:
        """Bring the layer up to date."""
        exploration, image = self._selection.exploration, self._selection.image
        layers, viewer = self._workspace.layers, self._workspace.viewer
        numbers = self.numbers
        if viewer is not None:
            grid = None if exploration is None else exploration.patches
            if numbers is None or image is None or not isinstance(grid, PatchGrid):
                remove_layer(layers, viewer, CLASSES)
            else:
                show_classes(layers, viewer, grid, numbers, self.state.names, image)
        self.changed.emit()
