"""What a checkpoint holds of a training: all that its next step depends on."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from recurra.errors import Fault
from recurra.runs.folder import LAST
from recurra.storage.fields import Fields
from recurra.storage.models import fill, weights_of
from recurra.train import checkpoint
from recurra.train.nests import to_device

if TYPE_CHECKING:
    from recurra.train.loop import Loop


def save(loop: Loop) -> None:
    """Writes the checkpoint of a training, by all its processes together."""
    folder, rank, device = loop.folder / LAST, loop.processes.rank, loop.processes.device
    loop.serial += 1
    own = {"random": checkpoint.random_state(device), "carry": loop.carry}
    if loop.gathering.batches:
        own["gathering"] = loop.gathering.state()
    checkpoint.save_part(folder, loop.serial, str(rank), own)
    if rank == 0:
        common = {"model": weights_of(loop.model), "updates": loop.updates.state()}
        if loop.averages is not None:
            common["averages"] = loop.averages.state()
        checkpoint.save_part(folder, loop.serial, "common", common)
    loop.processes.wait()
    if loop.progress is not None:
        plain = {
            "recipe": loop.recipes[0],
            "data": loop.data,
            "step": loop.step,
            "epoch": loop.epoch,
            "position": loop.position,
            "batches": len(loop.batches),
            "pending": loop.pending,
            "skipped": loop.skipped,
            "scores": loop.scores.state(),
            "log_bytes": loop.progress.log_bytes(),
        }
        checkpoint.commit(folder, loop.serial, loop.processes.world, plain)
    loop.saved_at = monotonic()


def restore(loop: Loop) -> int:
    """Goes to where the checkpoint stands; how long the log was then.

    Raises:
        Fault: it is damaged, of another run or of other data.
    """
    folder, processes = loop.folder / LAST, loop.processes
    plain, common, own = checkpoint.read(folder, processes.rank, processes.world)
    where = str(folder / checkpoint.STATE)
    if plain.get("recipe", loop.recipes[0]) not in loop.recipes:
        raise Fault(
            f"{where}: the checkpoint of a run with other settings: "
            "it is damaged, from another version or another run's"
        )
    fields = Fields(plain, where)
    loop.step, loop.epoch, loop.position = (fields.whole(name) for name in ("step", "epoch", "position"))
    loop.serial, loop.skipped, loop.pending = (
        fields.whole("serial"),
        fields.whole("skipped"),
        fields.flag("pending"),
    )
    loop.scores.restore(Fields(fields.table("scores"), f"{where}: scores"))
    batches, log_bytes = fields.whole("batches"), fields.whole("log_bytes")
    try:
        fill(loop.model, common["model"], str(folder))
        loop.updates.restore(common["updates"])
        if loop.averages is not None:
            loop.averages.restore(common["averages"])
        loop.carry = to_device(own["carry"], processes.device)
        loop.gathering.restore(own.get("gathering"), str(folder))
        checkpoint.restore_random_state(own["random"], processes.device)
    except Fault:
        raise
    except Exception as error:  # whatever torch and its optimisers say to what is not theirs
        raise Fault(
            f"{folder}: the checkpoint does not hold what it should ({error}): "
            "it is damaged or from another version"
        ) from None
    loop.updates.groups.thaw(loop.step, loop.epoch)
    if not loop.over:
        loop.batches = loop.task.batches(loop.epoch, processes.rank, processes.world)
        if loop.position and (len(loop.batches) != batches or loop.position >= batches):
            raise Fault(
                f"{folder}: the epoch had {batches} batches, now {len(loop.batches)}: "
                f"the data changed since the run was stopped"
            )
    return log_bytes
