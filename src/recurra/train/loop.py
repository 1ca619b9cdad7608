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
from recurra.storage.files import write_json
from recurra.storage.models import save_model
from recurra.storage.seals import Seal
from recurra.tasks.base import Loss, Task
from recurra.train import checkpoint
from recurra.train.averages import Averages
from recurra.train.callbacks import Callbacks
from recurra.train.distributed import Processes
from recurra.train.finite import blame_gradient, blame_loss
from recurra.train.gathering import Gathering
from recurra.train.interrupts import Interrupted, Interrupts
from recurra.train.nests import leaves
from recurra.train.options import TrainOptions
from recurra.train.progress import Progress
from recurra.train.saving import restore, save
from recurra.train.scores import Scores
from recurra.train.subnormal import flushed_subnormals
from recurra.train.updates import Updates, planned_steps
from recurra.train.watch import GradientWatch

_MOST_SKIPPED = 100  # in a row: by then no later step is going to be better


class Loop:
    """One training. Making one reads what there is and writes nothing; `run` does.

    Args:
        recipe: the digest of the recipe. data: those of the data, by their place in it.
        earlier: the digest of the recipe as the folder has it, of an older version perhaps.
        callbacks: are called in the first process.

    Attributes:
        lines: what the person should know first.
        seal: what belongs to the best weights, beside them.
        step: updates. epoch, position: the batch that comes next.
        carry: what it starts from.
        pending: a validation is due here and not made yet.
        recipes: the digests of the recipe, in this format first. data: those of the data.
        serial: of the last checkpoint. saved_at: when that was.
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
        callbacks: Callbacks | None = None,
    ) -> None:
        self.callbacks = callbacks
        self.seal: Seal | None = None
        self.lines: list[str] = []
        self.recipes, self.data = (recipe, earlier or recipe), dict(data or {})
        self.task, self.options, self.processes, self.folder = task, options, processes, folder
        self.model: nn.Module = task.model
        processes.place(self.model)
        checkpoint.seed_all(options.seed, processes.rank)
        self.step = self.epoch = self.position = self.skipped = self.serial = 0
        self.carry: Any = None
        self.saved_at = monotonic()
        self.pending = self._stopped = False
        self.batches = task.batches(0, processes.rank, processes.world)
        per_epoch = len(self.batches)
        if not per_epoch:
            raise Fault("the training data gives no batch: give more data, or make batches smaller")
        processes.require_same("model and data", f"{per_epoch} {self.model}")
        self.gathering = Gathering(self.model, processes)
        planned, per_epoch = planned_steps(options, per_epoch)
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
        self._log_bytes = restore(self) if checkpoint.exists(folder / LAST) else 0

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do."""
        options = self.options
        enough = self.epoch >= options.epochs or (options.steps is not None and self.step >= options.steps)
        return (
            enough
            or self._stopped
            or (options.patience is not None and self.scores.waited >= options.patience)
        )

    def run(self) -> None:
        """To the end. Interrupted when a signal asked for one before; a checkpoint of that place is there."""
        if self.processes.rank == 0:
            options = self.options
            self.progress = Progress(
                self.folder,
                self._planned,
                self.step,
                self._log_bytes,
                options.tensorboard,
                self._quiet,
                self.task.item_name,
            )
            for line in self.lines:
                self.progress.say(line)
            if self.lines:
                self.progress.log({"step": self.step, "epoch": self.epoch, "start": " | ".join(self.lines)})
        with flushed_subnormals(), Interrupts() as interrupts:
            try:
                self._call("start")
                self._run(interrupts)
            except Interrupted:
                save(self)
                raise
            finally:
                self._call("end")
                if self.progress is not None:
                    self.progress.close()

    def _call(self, hook: str, *values: Any) -> None:
        """The callbacks' hook. What one draws a step must not notice; at each step they are trusted."""
        if self.progress is None or self.callbacks is None:
            return
        training, self.callbacks.say = self.callbacks.training, self.progress.say
        training.step, training.epoch, training.planned = self.step, self.epoch, self._planned
        if hook == "step":
            training.step += 1
            self.callbacks.call(hook, *values)
            return
        random_state = checkpoint.random_state(self.processes.device)
        self.callbacks.call(hook, *values)
        checkpoint.restore_random_state(random_state, self.processes.device)

    def _run(self, interrupts: Interrupts) -> None:
        self.saved_at = monotonic()
        validate_every, checkpoint_every = self.options.validate_every, self.options.checkpoint_every
        if self.pending:
            self._validate(interrupts)
            save(self)
        while not self.over:
            stop, due = self._step(self.batches[self.position], interrupts.stop)
            if self._advance():
                ended = self.position == 0
                self.pending = self.over or (
                    ended if validate_every is None else self.step % validate_every == 0
                )
                due |= checkpoint_every is not None and self.step % checkpoint_every == 0
            else:
                due = False
            if stop:
                raise Interrupted
            if self.pending:
                self._validate(interrupts)
                due = True
            if due:
                save(self)

    @property
    def _updates(self) -> bool:
        """Whether an update follows the batch that comes next."""
        count = self.gathering.batches + 1
        return count >= self.options.accumulate or self.position + 1 == len(self.batches)

    def _advance(self) -> bool:
        """Past the batch that was just used; whether a step ended with it."""
        self.position += 1
        if self.gathering.batches:
            return False
        self.step += 1
        self.updates.finish("step")
        if self.position == len(self.batches):
            self.epoch, self.position, self.carry = self.epoch + 1, 0, None
            self.updates.finish("epoch")
            if self.averages is not None:
                self.averages.finish("epoch", self.step, self.epoch)
            if not self.over:
                self.batches = self.task.batches(self.epoch, self.processes.rank, self.processes.world)
        self.updates.groups.thaw(self.step, self.epoch)
        return True

    # one step

    def _step(self, batch: Any, stop: bool) -> tuple[bool, bool]:
        """Forward, backward, and an update after the last batch of a step; whether any process was asked to
        end, and whether the first one's clock says that a checkpoint is due.
        """
        last, watch = self._updates, self.watch
        watch = watch if watch is not None and last and watch.due(self.step + 1) else None
        carry = self.carry
        with nullcontext() if watch is None else watch.forward():
            loss = self._loss(batch, carry)
        clock = monotonic() - self.saved_at >= 60 * self.options.checkpoint_minutes
        wish = self.callbacks is not None and self.callbacks.training.stopped
        signals = [float(stop), float(clock and self.processes.rank == 0), float(wish)]
        items, total, stops, clocks, wishes = self.processes.sum(
            [loss.items, float(loss.total.detach()), *signals]
        )
        self._stopped = wishes > 0
        self.gathering.batches += 1
        if items:
            self.carry = loss.carry
            if math.isfinite(total / items):
                self.gathering.add(loss, items, total)
            else:
                why = blame_loss(self.model, lambda: self._loss(batch, carry))
                self._skip(f"the loss is {total / items}: {why}")
        if last:
            if self.gathering.items:
                self._update(watch)
            self.updates.forget()
            self.gathering.forget()
        return stops > 0, clocks > 0

    def _update(self, watch: GradientWatch | None) -> None:
        """New weights by what was gathered, unless its gradient is not finite."""
        items, mean = int(self.gathering.items), self.gathering.finish()
        norm = self.updates.norm()
        if not math.isfinite(norm):
            self._skip(blame_gradient(self.model))
            return
        if self.watch is not None:
            self.watch.count(norm)
        if watch is not None:
            watch.keep_weights()
        self.updates.update(self.step)
        if self.averages is not None:
            self.averages.finish("step", self.step + 1, self.epoch)
        self.skipped = 0
        self._tell(mean, norm, items)
        if watch is not None and self.progress is not None:
            entry = {"step": self.step + 1, "epoch": self.epoch}
            self.progress.log({**entry, "watch": watch.numbers()})
            if remark := watch.remark():
                self.progress.say(remark)

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
        numbers = {"loss": mean, "gradient_norm": norm, "learning_rate": self.updates.rate}
        self._call("step", numbers)
        if step % self.options.log_every == 0:
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
            self._call("validation", metrics, better)

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
