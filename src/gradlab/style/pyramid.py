"""From coarse to fine: one descent at every size, each beginning where the coarser one ended."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl

from gradlab.errors import RecipeError
from gradlab.style.bands import bands_for
from gradlab.style.descent import CALL, Descent, advance, measure, start, usual_rate
from gradlab.style.job import Climbed, Job, Stand
from gradlab.style.loss import Task
from gradlab.style.objective import Terms
from gradlab.style.pictures import SMALLEST, fitted, resized
from gradlab.style.saving import fingerprint, keep, kept, restored
from gradlab.style.scales import Scales, scales_of
from gradlab.style.sizes import Level
from gradlab.style.targets import LayerWeights, style_grams, task_for

CONTENT_UNIT = 100.0
"""What balanced content counts beside balanced style: so 1e-3 is the usual α/β, as documented."""

PATIENCE = 3.0
"""Seconds of one call, about: so long Ctrl-C and the next preview wait."""

KEEP_EVERY = 20.0
"""Seconds between two states on the disk."""

FIRST_STEPS = 4
"""Steps of the first call at a size, whose time tells how many the others take."""


@dataclass(eq=False)
class _Told:
    """What is kept beside the descent: plain data."""

    level: int = 0
    step: int = 0
    rows: list[list[Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


COLUMNS = ("size", "step", "total", "content", "style", "variation")


def climb(
    job: Job, *, progress: Callable[[Stand], None] | None, resume: str | Path | None
) -> Climbed:
    """Make the picture at one size after another.

    Args:
        job: What to do.
        progress: Called after every call of the compiled program.
        resume: File of the state; None to keep none.

    Raises:
        RecipeError: If the loss of the first picture is not finite.
        StudyError: If `resume` is of another run, damaged or can't be written.
    """
    climber = _Climber(job, progress, resume)
    try:
        return climber.climb()
    except KeyboardInterrupt:
        climber.keep()
        raise


class _Climber:
    """One climb: the descent at hand, what was told, and when it was last kept."""

    def __init__(self, job: Job, progress: Any, resume: str | Path | None):
        self.job, self.progress, self.resume = job, progress, resume
        self.run = ""
        self.told, self.arrays = _Told(), None
        self.descent: Descent | None = None
        self.previews: list[tuple[str, np.ndarray]] = []
        self.resumed = False
        self.kept_at = time.perf_counter()
        self.scale = 1.0
        self.scales = Scales()
        if job.settings["layer_weights"] == "balanced":
            self.scales = scales_of(job.content, job.styles, job.shares, job.network, job.plan)
        if resume is not None:
            weights = jax.tree.leaves(job.network)
            given = (job.settings, job.content, list(job.styles), job.shares, job.regions, weights)
            self.run = fingerprint(*given, [(level.size, level.steps) for level in job.levels])
            found = kept(resume, self.run)
            if found is not None:
                self.arrays, told = found
                self.told, self.resumed = _Told(**told), True

    def climb(self) -> Climbed:
        image, task, terms = None, None, None
        for number, level in enumerate(self.job.levels):
            if number < self.told.level:
                continue
            if number > self.told.level:
                # From here until the next descent begins, what was kept before is what counts.
                self.descent = None
                self.told.level, self.told.step = number, 0
            task, content = self._task(level)
            before = self._first(content) if image is None else image
            image, terms = self._descend(task, level, before)
            self.keep()
            height, width = level.size
            self.previews.append((f"{width} x {height}", self._shown(image, level)))
        assert task is not None
        assert terms is not None
        if self.resume is not None:
            with contextlib.suppress(OSError):
                Path(self.resume).unlink(missing_ok=True)
        plan = self.job.plan
        content, style, _ = self._weighed(terms, task)
        return Climbed(
            image=self.previews[-1][1],
            history=pl.DataFrame(self.told.rows, schema=_schema(), orient="row"),
            content_losses=dict(zip(plan.content_layers, map(float, terms.content), strict=True)),
            style_losses=dict(zip(plan.style_layers, map(float, terms.style), strict=True)),
            content_loss=content,
            style_loss=style,
            previews=tuple(self.previews),
            notes=tuple(self.told.notes),
        )

    def _unit(self) -> float:
        return CONTENT_UNIT if self.job.settings["layer_weights"] == "balanced" else 1.0

    def _task(self, level: Level) -> tuple[Task, np.ndarray]:
        """Return the task at a size, and the content picture at that size."""
        job = self.job
        bands, height = bands_for(level.size, job.network, job.plan, job.large)
        content = _extended(resized(job.content, level.size), height)
        regions = None
        if job.regions is not None:
            regions = _extended(resized(job.regions, level.size), height)
        longest = max(SMALLEST, round(max(level.size) * job.settings["style_scale"]))
        found = []
        for style in job.styles:
            painted = resized(style, fitted(style.shape, longest))
            of_style, height = bands_for(painted.shape, job.network, job.plan, job.large)
            found.append(style_grams(_extended(painted, height), job.network, job.plan, of_style))
        grams = {}
        for name in job.plan.style_layers:
            each = [gram[name] for gram in found]
            if len(each) > 1 and regions is None:  # blended
                each = [sum(s * gram for s, gram in zip(job.shares, each, strict=True))]
            grams[name] = jnp.stack(each)
        settings = job.settings
        alpha, beta = settings["content_weight"] * self._unit(), settings["style_weight"]
        gamma = settings["total_variation"]
        # Only their ratios matter; extreme ones must not leave the range of float32.
        self.scale = max(alpha, beta, gamma)
        weights = (alpha / self.scale, beta / self.scale, gamma / self.scale)
        layer_weights: LayerWeights = settings["layer_weights"]
        task = task_for(
            content,
            grams,
            job.network,
            job.plan,
            weights=weights,
            scales=self.scales,
            layer_weights=layer_weights,
            regions=regions,
            bands=bands,
        )
        return task, content

    def _first(self, content: np.ndarray) -> np.ndarray:
        if self.job.settings["start"] == "content":
            return content
        rng = np.random.default_rng(self.job.settings["random_state"])
        return rng.uniform(size=content.shape).astype(np.float32)

    def _descend(self, task: Task, level: Level, before: np.ndarray) -> tuple[np.ndarray, Terms]:
        settings = self.job.settings
        optimizer = settings["optimizer"]
        rate = settings["learning_rate"]
        rate = jnp.asarray(usual_rate(optimizer) if rate is None else rate, jnp.float32)
        height = task.bands.starts[-1] + task.bands.rows if task.bands else level.size[0]
        first = jnp.asarray(_extended(resized(before, level.size), height))
        self.descent = start(first, task, optimizer=optimizer)
        if self.arrays is not None:
            self.descent, self.arrays = restored(self.descent, self.arrays), None
        elif not np.isfinite(float(self.descent.kept_value)):
            raise RecipeError(
                f"The loss of the first picture is {float(self.descent.kept_value)}; expected a "
                "number. The network gives no numbers for it, or a weight is beyond float32: "
                "look at the weights, or take another network or start."
            )
        n, told = min(FIRST_STEPS, CALL), self.told
        terms, total = measure(self.descent.image, task)
        while told.step < level.steps:
            n = min(n, level.steps - told.step)
            taken_back, started = int(self.descent.taken_back), time.perf_counter()
            descent, totals = advance(
                self.descent, task, jnp.asarray(n, jnp.int32), rate, optimizer=optimizer
            )
            terms, total = measure(descent.image, task)
            totals = np.asarray(totals)[:n] * self.scale
            seconds = time.perf_counter() - started
            longest = max(level.size)
            rows: list[list[Any]] = [
                [longest, told.step + i + 1, float(t), None, None, None]
                for i, t in enumerate(totals)
            ]
            rows[-1][3:] = self._weighed(terms, task)
            back = int(descent.taken_back) - taken_back
            self.descent, told.step, told.rows = descent, told.step + n, told.rows + rows
            self._tell(task, level, terms, float(total) * self.scale)
            if time.perf_counter() - self.kept_at > KEEP_EVERY:
                self.keep()
            if back == n and n > FIRST_STEPS:
                told.notes.append(
                    f"At {longest} pixels no step led to a finite loss: the descent ended after "
                    f"{told.step} of {level.steps} steps. Lower the learning rate or the weights."
                )
                break
            # The first call compiled: it tells an upper bound.
            n = int(np.clip(n * PATIENCE / max(seconds, 1e-3), 1, CALL))
        back = int(self.descent.taken_back)
        if back:
            plural = "s" if back > 1 else ""
            told.notes.append(
                f"At {max(level.size)} pixels {back} step{plural} met a loss or derivative that "
                f"was not finite and {'were' if back > 1 else 'was'} taken back; steps were then "
                f"{float(self.descent.shrink):g} times as long."
            )
        last = self.descent.image if np.isfinite(float(total)) else self.descent.kept
        if not np.isfinite(float(total)):
            terms, _ = measure(last, task)
        return np.asarray(last)[: level.size[0]], terms

    def _weighed(self, terms: Terms, task: Task) -> list[float]:
        content = float(jnp.sum(task.weights.of_content * terms.content))
        style = float(jnp.sum(task.weights.of_style * terms.style))
        return [content, style, float(terms.variation)]

    def _tell(self, task: Task, level: Level, terms: Terms, total: float) -> None:
        if self.progress is None:
            return
        work = [one.size[0] * one.size[1] * one.steps for one in self.job.levels]
        done = sum(work[: self.told.level])
        done += level.size[0] * level.size[1] * self.told.step
        content, style, _ = self._weighed(terms, task)
        assert self.descent is not None
        image = self.descent.image
        self.progress(
            Stand(
                level=self.told.level + 1,
                n_levels=len(work),
                size=level.size,
                step=self.told.step,
                steps=level.steps,
                share=done / sum(work),
                total=total,
                content=content,
                style=style,
                resumed=self.resumed,
                image=lambda: self._shown(np.asarray(image), level),
            )
        )

    def _shown(self, image: np.ndarray, level: Level) -> np.ndarray:
        return self.job.finish(image[: level.size[0]])

    def keep(self) -> None:
        """Write the state, if there is one and a place for it."""
        if self.resume is None or self.descent is None or self.arrays is not None:
            return
        told = {name: getattr(self.told, name) for name in ("level", "step", "rows", "notes")}
        keep(self.resume, self.descent, self.run, told)
        self.kept_at = time.perf_counter()


def _extended(pixels: np.ndarray, height: int) -> np.ndarray:
    """Return a picture with its last row repeated up to a height."""
    return np.pad(pixels, ((0, height - pixels.shape[0]), (0, 0), (0, 0)), mode="edge")


def _schema() -> dict[str, Any]:
    whole = {"size": pl.Int64, "step": pl.Int64}
    return {name: whole.get(name, pl.Float64) for name in COLUMNS}
