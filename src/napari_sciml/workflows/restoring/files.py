"""Restore an image file: all of it, whatever its size, into another file."""

from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.volume import Volume, unique
from napari_sciml.io.atomic import check_length
from napari_sciml.io.images.reading import open_volume
from napari_sciml.io.models.restorer import load_restorer
from napari_sciml.io.provenance import jsonable
from napari_sciml.io.results.outputs import check_apart, check_output
from napari_sciml.io.results.restored_files import (
    check_restored_suffix,
    fingerprint_of,
)
from napari_sciml.progress import Report, Say, exhaust, map_progress
from napari_sciml.project.image_identity import hash_blocks
from napari_sciml.restoration.config import LEARNED, RestoreConfig
from napari_sciml.restoration.noise import check_gray
from napari_sciml.workflows.prediction.plan import reading
from napari_sciml.workflows.restoring.arrays import (
    restored_blocks,
)
from napari_sciml.workflows.restoring.finishing import RESTORING, DType, Result
from napari_sciml.workflows.restoring.preparing import (
    Prepared,
    choose,
    prepare,
    with_model,
)
from napari_sciml.workflows.restoring.run import SUFFIX, RestoringRun, fingerprint

LEARNING = 0.6
"""Share of the progress at which the networks are trained."""


def restore_file(
    image: Path,
    out: Path,
    config: RestoreConfig | None = None,
    *,
    second: Path | None = None,
    clean: Path | None = None,
    model: Path | None = None,
    model_out: Path | None = None,
    dtype: DType = "float32",
    threads: int | None = None,
    resume: bool = False,
    restart: bool = False,
    overwrite: bool = False,
    say: Say | None = None,
    report: Report,
) -> dict[str, Any]:
    """Restore an image block by block; what is done survives an interruption.

    Parameters
    ----------
    image
        Any format of `open_volume`, one gray value a voxel.
    out
        ``.tif`` or ``.zarr``. With several networks, their deviation goes beside it:
        ``OUT_std.tif``.
    config
        Settings.
    second, clean
        A second scan, or clean images, of the same shape.
    model
        Networks that were kept before; nothing is trained then.
    model_out
        Folder to keep the networks in.
    dtype
        "same" rounds to the type of the image, where that can hold the values.
    threads
        Of the CPU; all cores by default.
    resume, restart, overwrite
        Go on with an interrupted run; throw it away; replace what is there.
    say
        Gets sentences before the work starts.
    report
        Called with the progress.

    Returns
    -------
    dict
        What was done, JSON-able.
    """
    from napari_sciml.networks.device import default_threads, use_threads

    config = config or RestoreConfig()
    job = _Job(image, out, config, second, clean, model, model_out, dtype)
    job.check(overwrite=overwrite)
    use_threads(threads or default_threads())
    settled = job.fingerprint()
    if resume and job.is_whole(settled):
        return {"restored": str(out), "resumed": "it was whole already"}
    with RestoringRun(job.out, settled, resume=resume, restart=restart) as run:
        begun = run.plan is not None
        if not begun:
            prepared = job.prepare(report, say)
            run.begin(prepared.restorer, job.volume.shape, job.facts(prepared))
        job.restore_blocks(run, report)
        result = Result(job.image, job.volume, job.out, job.std_out, model_out, dtype)
        summary = result.write(run, report)
        run.discard()
    return {**summary, "resumed": begun or None}


class _Job:
    """What was given, checked and opened."""

    def __init__(
        self,
        image: Path,
        out: Path,
        config: RestoreConfig,
        second: Path | None,
        clean: Path | None,
        model: Path | None,
        model_out: Path | None,
        dtype: DType,
    ) -> None:
        self.image, self.out, self.config = image, out.absolute(), config
        self._given: dict[str, Path] = {
            name: path
            for name, path in (("second", second), ("clean", clean))
            if path is not None
        }
        self._model, self._model_out, self._dtype = model, model_out, dtype
        self.std_out = self.out.with_name(f"{self.out.stem}_std{self.out.suffix}")

    def is_whole(self, settled: str) -> bool:
        """Whether the very result is there already."""
        if self.out.with_name(self.out.name + SUFFIX).exists():
            return False
        if fingerprint_of(self.out) != settled:
            return False
        own, there = (
            np.dtype(v.data.dtype) for v in (self.volume, open_volume(self.out))
        )
        return there == (own if self._dtype == "same" else np.float32)

    def check(self, *, overwrite: bool) -> None:
        """Open everything, and make sure that the result can be written.

        Raises
        ------
        InputError
            When it cannot.
        """
        check_restored_suffix(self.out)
        inputs = [self.image, *self._given.values(), self._model]
        outputs = [self.out]
        if self.config.members > 1 and self._model is None:
            outputs.append(self.std_out)
        for path in outputs:
            check_output(path, "restored", inputs=inputs, overwrite=overwrite)
        if self._model_out is not None:
            check_output(self._model_out, "model", inputs=inputs, folder=True)
            check_apart(self._model_out, outputs)
            if self._model is not None:
                raise InputError(
                    "A model that is given need not be kept again: leave out "
                    "--model-out."
                )
        if self._model is not None and self._given:
            raise InputError(
                "A model that is given learns nothing more: leave out the second scan "
                "and the clean images, or the model."
            )
        check_length(self.out.with_name(self.out.name + SUFFIX))
        self.volume = open_volume(self.image)
        check_gray(self.volume.data, self.volume.shape)
        self._partners: dict[str, Volume] = {
            name: open_volume(path) for name, path in self._given.items()
        }
        self._refuse_model_of_filters()

    def _refuse_model_of_filters(self) -> None:
        method = self.config.method
        if self._model_out is not None and method not in ("auto", *LEARNED):
            raise InputError(
                f"The method {method} has no model that could be kept: leave out "
                "--model-out, or choose a method that learns."
            )

    def fingerprint(self) -> str:
        """Hash of all that the numbers depend on."""
        hashes = {"image": hash_blocks(self.volume.data)}
        for name, volume in self._partners.items():
            hashes[name] = hash_blocks(volume.data)
        model = None
        if self._model is not None:
            from napari_sciml.io.models.folder import read_weights_sha256

            model = read_weights_sha256(self._model)
        settings = self.config.model_dump(mode="json")
        what = {**hashes, "model": model, "settings": settings}
        return fingerprint(what)

    def prepare(self, report: Report, say: Say | None) -> Prepared:
        """Measure, choose, and train or calibrate."""
        data = self.volume.data
        with reading(self.image):
            if self._model is not None:
                prepared = with_model(data, load_restorer(self._model))
                self._tell(prepared, say)
                return prepared
            partners = {name: volume.data for name, volume in self._partners.items()}
            chosen = choose(data, self.config, **partners)
            if say is not None:
                for line in (chosen.report.sentence, f"Method {chosen.sentence}."):
                    say(line)
            steps = prepare(data, chosen, self.config, **partners)
            told = map_progress(
                steps, lambda step: report(LEARNING * step.fraction, step.words)
            )
            return exhaust(told)

    @staticmethod
    def _tell(prepared: Prepared, say: Say | None) -> None:
        if say is not None:
            say(prepared.chosen.report.sentence)

    def facts(self, prepared: Prepared) -> dict[str, Any]:
        """What the summary tells of it, JSON-able."""
        chosen, restorer = prepared.chosen, prepared.restorer
        noise = chosen.report
        facts: dict[str, Any] = {
            "method": chosen.method,
            "noise": noise.sentence,
            "noise_sd": noise.sd,
            "noise_share": noise.share,
            "correlation": {
                axis: list(lags)
                for axis, lags in zip(noise.axes, noise.correlation, strict=True)
            },
            "members": restorer.members,
            "cautions": list(unique(self.volume.cautions, chosen.cautions)),
        }
        if chosen.method == "slice":
            facts["axis"] = noise.axes[chosen.axis]
        if hasattr(restorer, "strength"):
            facts["strength"] = restorer.strength
        plain: dict[str, Any] = jsonable(facts)
        return plain

    def restore_blocks(self, run: RestoringRun, report: Report) -> None:
        """Do the blocks that are left."""
        cores, done = run.cores, run.done()
        left = [index for index in range(len(cores)) if index not in done]
        if not left:
            return
        array, restorer = run.array(), run.restorer()
        number = iter(left)
        blocks = restored_blocks(self.volume.data, restorer, [cores[i] for i in left])
        with reading(self.image):
            for event in blocks:
                if event is None:
                    continue
                run.write(array, next(number), event)
                share = LEARNING + (RESTORING - LEARNING) * event.fraction
                report(share, f"restored {event.fraction:.0%}")
