"""The [train] section of a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from recurra.runs.digests import RESUMABLE
from recurra.tasks.base import Options

__all__ = [
    "RESUMABLE",
    "Averaging",
    "Named",
    "Optimiser",
    "Precision",
    "Schedule",
    "TrainOptions",
    "WeightGroup",
]

Precision = Literal["32-true", "64-true", "bf16-true", "bf16-mixed"]


class Named(BaseModel):
    """A class of torch by name, and its arguments.

    Attributes:
        usual: arguments that most such classes have, for whoever writes one at the wrong place.
    """

    model_config = ConfigDict(extra="allow", frozen=True)
    usual: ClassVar[tuple[str, ...]] = ()
    name: str

    @property
    def arguments(self) -> dict[str, Any]:
        """What the recipe says besides the fields of its own."""
        return dict(self.model_extra or {})


class Optimiser(Named):
    """Any class of `torch.optim` that needs no closure; other keys are its arguments (`lr`, ...).

    Attributes:
        name: name of the class.
    """

    usual = ("lr", "weight_decay", "momentum", "betas", "eps")
    name: str = "AdamW"


class Schedule(Named):
    """Any class of `torch.optim.lr_scheduler` that needs no function; other keys are its arguments.

    `T_max` and `total_steps`, where left out, are the length of the training.

    Attributes:
        name: name of the class.
        every: what it counts; "validation" is what `ReduceLROnPlateau` needs.
    """

    usual = ("gamma", "step_size", "milestones", "T_max", "max_lr", "factor")
    every: Literal["step", "epoch", "validation"] = "epoch"


class Averaging(Options):
    """The mean of the weights over a training, which is validated and saved in their place; alone as a name,
    `average = "ema"`.

    Attributes:
        name: "ema": a mean that forgets, moved towards the weights after each update. "swa": the plain mean
            of the weights at the end of each epoch (Izmailov et al., 2018). "asgd": that after each update
            (Polyak and Juditsky, 1992).
        decay: what "ema" keeps of itself at an update, at most; in the n-th one (1 + n) / (10 + n).
        start_step: updates before the mean begins. start_epoch: epochs before it begins. "ema" begins at
            once, the others without any of these at three quarters of the training.
        trigger: the mean begins after a validation whose score is worse than the best of all but the last so
            many (the non-monotonic trigger of Merity et al., 2018, who take 5).
    """

    name: Literal["ema", "swa", "asgd"]
    decay: float = Field(0.999, gt=0, lt=1)
    start_step: int | None = Field(None, ge=0)
    start_epoch: int | None = Field(None, ge=0)
    trigger: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _one_start(self) -> Self:
        starts = [key for key in ("start_step", "start_epoch", "trigger") if getattr(self, key) is not None]
        if len(starts) > 1:
            raise ValueError(f"{' and '.join(starts)} both say when the mean begins: leave one out")
        if self.name != "ema" and "decay" in self.model_fields_set and self.decay != 0.999:
            raise ValueError(f"decay belongs to 'ema': {self.name!r} is a plain mean")
        return self


def _averaging(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class WeightGroup(Options):
    """A table of `[[train.groups]]`: weights that are trained otherwise than the rest.

    Attributes:
        weights: their names, or those of the modules they are in, "*" for any characters: one or a list, as
            "embedding" or "*.bias"; of several tables that fit a weight the first counts.
        lr: their learning rate. weight_decay: theirs.
        frozen: they stay as they are. thaw_step: after so many steps they are trained after all. thaw_epoch:
            after so many epochs they are.
    """

    weights: str | tuple[str, ...]
    lr: float | None = Field(None, gt=0)
    weight_decay: float | None = Field(None, ge=0)
    frozen: bool = False
    thaw_step: int | None = Field(None, ge=1)
    thaw_epoch: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        thaws = self.thaw_step is not None or self.thaw_epoch is not None
        if not self.weights or not all(self.weights):
            raise ValueError("weights names none: expected a pattern, or a list of them")
        if thaws and not self.frozen:
            raise ValueError("only frozen weights thaw: expected frozen = true")
        if self.thaw_step is not None and self.thaw_epoch is not None:
            raise ValueError("thaw_step and thaw_epoch both say when they thaw: leave one out")
        if self.frozen and not thaws and self.rates():
            raise ValueError(f"{' and '.join(self.rates())} of weights that stay frozen: leave one out")
        if not self.frozen and not self.rates():
            raise ValueError("nothing is set for its weights: expected lr, weight_decay or frozen")
        return self

    @property
    def patterns(self) -> tuple[str, ...]:
        """`weights` as a list."""
        return (self.weights,) if isinstance(self.weights, str) else self.weights

    def fits(self, names: Sequence[str]) -> bool:
        """Whether a weight with these names, of which it has several where it is tied, belongs here."""
        return any(
            fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*")
            for name in names
            for pattern in self.patterns
        )

    def rates(self) -> dict[str, float]:
        """What an optimiser takes for them, where it differs."""
        values = {"lr": self.lr, "weight_decay": self.weight_decay}
        return {name: value for name, value in values.items() if value is not None}

    def is_frozen(self, step: int, epoch: int) -> bool:
        """Whether they stay as they are after so many steps and epochs."""
        if self.thaw_step is not None:
            return step < self.thaw_step
        return self.frozen and (self.thaw_epoch is None or epoch < self.thaw_epoch)


class TrainOptions(Options):
    """How to train.

    Attributes:
        start_from: a run folder, whose weights are the beginning as far as they fit. Its vocabularies and
            label sets are kept, and what is new in the data follows in them.
        epochs: passes over the data. steps: updates at most, over all epochs; training ends with the first
            of the two.
        accumulate: batches an update. Its gradient is that of the mean over all their items, as if they were
            one batch; an epoch ends with an update. Every setting that counts steps counts updates.
        optimiser: see there; `optimizer` is taken, too. schedule: see there; None leaves the learning rate as
            it is.
        groups: weights that are trained otherwise than the rest, one table for each group.
        warmup: steps over which the learning rate rises linearly from 0.
        clip_norm: the gradient is scaled down to this 2-norm. clip_value: each number of the
            gradient is cut to +- this.
        average: see there.
        seed: seed of weights, order of batches and dropout.
        accelerator: "cpu", "cuda", "mps" or "auto". devices: how many processes share each batch.
        precision: precision of the weights ("true"), or of the products alone ("mixed").
        validate_every: steps between validations; without it one at the end of each epoch.
        patience: ends the training after so many validations without a better score.
        checkpoint_every: steps between checkpoints; one is made at each validation besides.
            checkpoint_minutes: time between checkpoints at most, besides what a step and a validation take.
        log_every: steps between entries in the log.
        watch: "gradient": how far back a gradient reaches in each recurrent layer, the size of updates, the
            share of clipped steps, and dead and saturated units go into the log. watch_every: steps between
            entries of `watch`.
        on_non_finite: a loss or gradient that is NaN or infinite ends the training ("error"), or its step is
            left out ("skip").
        tensorboard: writes the log for TensorBoard as well; "auto": where `tensorboard` or `tensorboardX` is
            installed. reporters: who is told besides: "wandb", "trackio", or what other packages offer.
        deterministic: refuses operations that do not repeat bit for bit (some on GPUs).
    """

    start_from: str | None = Field(None, min_length=1)
    epochs: int = Field(10, ge=1)
    steps: int | None = Field(None, ge=1)
    accumulate: int = Field(1, ge=1)
    optimiser: Optimiser = Optimiser(lr=1e-3)  # type: ignore[call-arg]
    schedule: Schedule | None = None
    groups: list[WeightGroup] = Field(default_factory=list)
    warmup: int = Field(0, ge=0)
    clip_norm: float | None = Field(None, gt=0)
    clip_value: float | None = Field(None, gt=0)
    average: Annotated[
        Averaging | None,
        BeforeValidator(_averaging, json_schema_input_type=Averaging | Literal["ema", "swa", "asgd"] | None),
    ] = None
    seed: int = Field(0, ge=0, lt=2**32)
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "cpu"
    devices: int = Field(1, ge=1)
    precision: Precision = "32-true"
    validate_every: int | None = Field(None, ge=1)
    patience: int | None = Field(None, ge=1)
    checkpoint_every: int | None = Field(None, ge=1)
    checkpoint_minutes: float = Field(10.0, gt=0)
    log_every: int = Field(10, ge=1)
    watch: Literal["gradient"] | None = None
    watch_every: int = Field(50, ge=1)
    on_non_finite: Literal["error", "skip"] = "error"
    tensorboard: bool | Literal["auto"] = "auto"
    reporters: list[str] = Field(default_factory=list)
    deterministic: bool = False

    @model_validator(mode="after")
    def _plateau_needs_scores(self) -> Self:
        plateau = self.schedule is not None and self.schedule.name == "ReduceLROnPlateau"
        if plateau and self.schedule is not None and self.schedule.every != "validation":
            raise ValueError("ReduceLROnPlateau looks at scores: expected every = 'validation'")
        return self
