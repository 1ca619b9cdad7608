"""The loop: steps, validations and checkpoints, from any point to the end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from time import monotonic
from typing import Any

import torch
from torch import nn

from recurra.errors import Fault
from recurra.runs.folder import LAST, METRICS
from recurra.storage.fields import Fields
from recurra.storage.files import write_json
from recurra.storage.models import fill, save_model, weights_of
from recurra.storage.seals import Seal
from recurra.tasks.base import Loss, Task
from recurra.train import checkpoint
from recurra.train.averages import Averages
from recurra.train.distributed import Processes
from recurra.train.finite import blame_gradient, blame_loss
from recurra.train.interrupts import Interrupted, Interrupts
from recurra.train.nests import leaves, to_device
from recurra.train.options import TrainOptions
from recurra.train.progress import Progress
from recurra.train.scores import Scores
from recurra.train.updates import Updates
from recurra.train.watch import GradientWatch

_MOST_SKIPPED = 100  # in a row: by then no later step is going to be better


class Loop:
    """One training. Making one reads what there is and writes nothing; `run` does.

    Args:
        recipe: the digest of the recipe. data: those of the data, by their place in it.
        earlier: the digest of the recipe as an older format wrote it, where the folder has such a one.

    Attributes:
        seal: what belongs to the best weights, beside them.
        step: batches used. epoch, position: the batch that comes next.
        carry: what it starts from.
        pending: a validation is due here and not made yet.
    """

    def __init__(
        self,
        task: Task,
        options: TrainOptions,
        processes: Processes,
        folder: Path,
        quiet: bool,
        recipe: str = "",
        data: Mapping[str, str] | None = None,
        earlier: str | None = None,
    ) -> None:
        self.seal: Seal | None = None
        self._recipes = {recipe, earlier or recipe}
        self._recipe, self._data = recipe, dict(data or {})
        self.task, self.options, self.processes, self.folder = task, options, processes, folder
        self.model: nn.Module = task.model
        processes.place(self.model)
        checkpoint.seed_all(options.seed, processes.rank)
        self.step = self.epoch = self.position = self.skipped = self.serial = 0
        self.carry: Any = None
        self._saved_at = monotonic()
        self.pending = False
        self.batches = task.batches(0, processes.rank, processes.world)
        per_epoch = len(self.batches)
        if not per_epoch:
            raise Fault("the training data gives no batch: give more data, or make batches smaller")
        processes.require_same("model and data", f"{per_epoch} {self.model}")
        planned = min(options.epochs * per_epoch, options.steps or options.epochs * per_epoch)
        self.updates = Updates(options, self.model, task.score, planned=planned, per_epoch=per_epoch)
        average = options.average
        self.averages = (
            None
            if average is None
            else Averages(average, self.model, task.score, planned=planned, per_epoch=per_epoch)
        )
        self.scores = Scores(task.score)
        self.progress: Progress | None = None
        first = processes.rank == 0
        self.watch = GradientWatch(options, self.model) if options.watch == "gradient" and first else None
        self._planned, self._quiet = planned, quiet
        self._log_bytes = self._restore() if checkpoint.exists(folder / LAST) else 0

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do."""
        options = self.options
        enough = self.epoch >= options.epochs or (options.steps is not None and self.step >= options.steps)
        return enough or (options.patience is not None and self.scores.waited >= options.patience)

    def run(self) -> None:
        """To the end. Interrupted when a signal asked for one before; a checkpoint of that place is there."""
        if self.processes.rank == 0:
            options = self.options
            self.progress = Progress(
                self.folder, self._planned, self.step, self._log_bytes, options.tensorboard, self._quiet
            )
        with Interrupts() as interrupts:
            try:
                self._run(interrupts)
            except Interrupted:
                self._save()
                raise
            finally:
                if self.progress is not None:
                    self.progress.close()

    def _run(self, interrupts: Interrupts) -> None:
        self._saved_at = monotonic()
        validate_every, checkpoint_every = self.options.validate_every, self.options.checkpoint_every
        if self.pending:
            self._validate(interrupts)
            self._save()
        while not self.over:
            stop, due = self._step(self.batches[self.position], interrupts.stop)
            ended = self._advance()
            self.pending = self.over or (ended if validate_every is None else self.step % validate_every == 0)
            save = due or self.pending or (checkpoint_every is not None and self.step % checkpoint_every == 0)
            if stop:
                raise Interrupted
            if self.pending:
                self._validate(interrupts)
            if save:
                self._save()

    def _advance(self) -> bool:
        """Past the batch that was just used; whether an epoch ended with it."""
        self.step += 1
        self.position += 1
        self.updates.finish("step")
        if self.position < len(self.batches):
            return False
        self.epoch, self.position, self.carry = self.epoch + 1, 0, None
        self.updates.finish("epoch")
        if self.averages is not None:
            self.averages.finish("epoch", self.step, self.epoch)
        if not self.over:
            self.batches = self.task.batches(self.epoch, self.processes.rank, self.processes.world)
        return True

    # one step

    def _step(self, batch: Any, stop: bool) -> tuple[bool, bool]:
        """Forward, backward, update; whether any process was asked to end, and whether the first one's clock
        says that a checkpoint is due.
        """
        watch = self.watch if self.watch is not None and self.watch.due(self.step + 1) else None
        carry = self.carry
        with nullcontext() if watch is None else watch.forward():
            loss = self._loss(batch, carry)
        due = (
            self.processes.rank == 0 and monotonic() - self._saved_at >= 60 * self.options.checkpoint_minutes
        )
        items, total, signals, clocks = self.processes.sum(
            [loss.items, float(loss.total.detach()), float(stop), float(due)]
        )
        if items:
            self.carry = loss.carry
            mean = total / items
            norm, blame = 0.0, None
            if math.isfinite(mean):
                (loss.total / items).backward()  # type: ignore[no-untyped-call]
                self.processes.sum_gradients(self.model)
                norm = self.updates.norm()
                blame = None if math.isfinite(norm) else blame_gradient(self.model)
            else:
                blame = f"the loss is {mean}: {blame_loss(self.model, lambda: self._loss(batch, carry))}"
            if blame is None:
                if self.watch is not None:
                    self.watch.count(norm)
                if watch is not None:
                    watch.keep_weights()
                self.updates.update(self.step)
                if self.averages is not None:
                    self.averages.finish("step", self.step + 1, self.epoch)
                self.skipped = 0
                self._tell(mean, norm, int(items))
                if watch is not None and self.progress is not None:
                    entry = {"step": self.step + 1, "epoch": self.epoch}
                    self.progress.log({**entry, "watch": watch.numbers()})
                    if remark := watch.remark():
                        self.progress.say(remark)
            else:
                self._skip(blame)
            self.updates.forget()
        return signals > 0, clocks > 0

    def _loss(self, batch: Any, carry: Any) -> Loss:
        self.model.train()
        with self.processes.fabric.autocast():
            return self.task.loss(batch, carry)

    def _skip(self, why: str) -> None:
        line = f"step {self.step + 1} (epoch {self.epoch + 1}, batch {self.position + 1}): {why}"
        if self.options.on_non_finite == "error":
            raise Fault(
                f"{line}; stopped: a smaller learning rate or train.clip_norm may help, "
                f"train.on_non_finite = 'skip' goes on without such steps"
            )
        self.skipped += 1
        if self.skipped >= _MOST_SKIPPED:
            raise Fault(f"{line}; stopped after {self.skipped} skipped steps in a row")
        if not all(bool(torch.isfinite(leaf).all()) for leaf in leaves(self.carry)):
            self.carry = None
        if self.progress is not None:
            self.progress.say(f"{line}; skipped")
            self.progress.log({"step": self.step + 1, "epoch": self.epoch, "skipped": why})

    def _tell(self, mean: float, norm: float, items: int) -> None:
        if self.progress is None:
            return
        step = self.step + 1
        self.progress.step(step, self.epoch, mean, items)
        if step % self.options.log_every == 0:
            numbers = {"loss": mean, "gradient_norm": norm, "learning_rate": self.updates.rate}
            self.progress.log({"step": step, "epoch": self.epoch, **numbers})

    # validation

    def _validate(self, interrupts: Interrupts) -> None:
        """Metrics on the validation data, of the mean of the weights where there is one; the best model is
        kept. Draws on nothing that a step draws on.
        """
        with nullcontext() if self.averages is None else self.averages.swapped():
            metrics, better = self._judge(interrupts)
            if better and self.progress is not None:
                save_model(self.model, self.folder, self.seal)
        score = metrics[self.task.score.metric]
        self.updates.finish("validation", score)
        if self.averages is not None:
            self.averages.judge(score)
        if self.progress is not None:
            self.progress.validation(self.step, self.epoch, metrics, better)
            write_json(self.folder / METRICS, self.scores.summary())
        self.pending = False

    def _judge(self, interrupts: Interrupts) -> tuple[dict[str, float], bool]:
        """The metrics, and whether they are the best so far."""
        metric = self.task.score.metric
        random_state = checkpoint.random_state(self.processes.device)
        metrics: dict[str, float] = {metric: math.nan}
        try:
            if self.processes.rank == 0:
                metrics = self._evaluate(interrupts)
        finally:
            self.model.train()
            checkpoint.restore_random_state(random_state, self.processes.device)
        metrics[metric] = self.processes.from_first(metrics[metric])
        return metrics, self.scores.judge(metrics, self.step, self.epoch)

    def _evaluate(self, interrupts: Interrupts) -> dict[str, float]:
        self.model.eval()
        with torch.no_grad():
            if self.processes.world == 1:
                with interrupts.at_once():
                    metrics = dict(self.task.evaluate())
            else:  # the other processes wait for the result, so it is not cut short
                metrics = dict(self.task.evaluate())
        if self.task.score.metric not in metrics:
            raise Fault(
                f"task {self.task.name}: evaluate() gives {', '.join(metrics)}, "
                f"expected its score {self.task.score.metric}"
            )
        return metrics

    # checkpoints

    def _save(self) -> None:
        folder, rank, device = self.folder / LAST, self.processes.rank, self.processes.device
        self.serial += 1
        own = {"random": checkpoint.random_state(device), "carry": self.carry}
        checkpoint.save_part(folder, self.serial, str(rank), own)
        if rank == 0:
            common = {"model": weights_of(self.model), "updates": self.updates.state()}
            if self.averages is not None:
                common["averages"] = self.averages.state()
            checkpoint.save_part(folder, self.serial, "common", common)
        self.processes.wait()
        if self.progress is not None:
            plain = {
                "recipe": self._recipe,
                "data": self._data,
                "step": self.step,
                "epoch": self.epoch,
                "position": self.position,
                "batches": len(self.batches),
                "pending": self.pending,
                "skipped": self.skipped,
                "scores": self.scores.state(),
                "log_bytes": self.progress.log_bytes(),
            }
            checkpoint.commit(folder, self.serial, self.processes.world, plain)
        self._saved_at = monotonic()

    def _restore(self) -> int:
        """Goes to where the checkpoint stands; how long the log was then."""
        folder, device = self.folder / LAST, self.processes.device
        plain, common, own = checkpoint.read(folder, self.processes.rank, self.processes.world)
        where = str(folder / checkpoint.STATE)
        if plain.get("recipe", self._recipe) not in self._recipes:
            raise Fault(
                f"{where}: the checkpoint of a run with other settings: "
                "it is damaged, from another version or another run's"
            )
        fields = Fields(plain, where)
        self.step, self.epoch, self.position = (fields.whole(name) for name in ("step", "epoch", "position"))
        self.serial, self.skipped, self.pending = (
            fields.whole("serial"),
            fields.whole("skipped"),
            fields.flag("pending"),
        )
        self.scores.restore(Fields(fields.table("scores"), f"{where}: scores"))
        batches, log_bytes = fields.whole("batches"), fields.whole("log_bytes")
        try:
            fill(self.model, common["model"], str(folder))
            self.updates.restore(common["updates"])
            if self.averages is not None:
                self.averages.restore(common["averages"])
            self.carry = to_device(own["carry"], device)
            checkpoint.restore_random_state(own["random"], device)
        except Fault:
            raise
        except Exception as error:  # whatever torch and its optimisers say to what is not theirs
            raise Fault(
                f"{folder}: the checkpoint does not hold what it should ({error}): "
                "it is damaged or from another version"
            ) from None
        if not self.over:
            self.batches = self.task.batches(self.epoch, self.processes.rank, self.processes.world)
            if self.position and (len(self.batches) != batches or self.position >= batches):
                raise Fault(
                    f"{folder}: the epoch had {batches} batches, now {len(self.batches)}: "
                    f"the data changed since the run was stopped"
                )
        return log_bytes
