"""Devices and processes: Lightning Fabric, and what the processes of one training tell each other."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

import torch
import torch.distributed
from lightning_fabric import Fabric
from torch import Tensor, nn

from recurra.errors import Fault
from recurra.train.options import TrainOptions

_TYPES = {"64-true": torch.float64, "bf16-true": torch.bfloat16}


class Processes:
    """The processes that train one model, each on its share of every batch.

    Gradients are summed over all processes in one message and divided by the number of items of the whole
    batch, so the result does not depend on how the items were shared out. `torchrun` decides how many there
    are; without it `devices` of the recipe does, and Fabric starts them.
    """

    def __init__(self, options: TrainOptions) -> None:
        under_torchrun = "TORCHELASTIC_RUN_ID" in os.environ
        local = int(os.environ["LOCAL_WORLD_SIZE"]) if under_torchrun else options.devices
        nodes = int(os.environ["WORLD_SIZE"]) // local if under_torchrun else 1
        self._precision = options.precision
        try:
            self.fabric = Fabric(
                accelerator=options.accelerator,
                devices=local,
                num_nodes=nodes,
                strategy="ddp" if local * nodes > 1 else "auto",
                precision="bf16-mixed" if options.precision == "bf16-mixed" else "32-true",
            )
        except (ValueError, RuntimeError, AttributeError) as error:
            # Fabric's own words for a device that is not there
            raise Fault(f"train.accelerator = {options.accelerator!r}: {error}") from None
        self.fabric.launch()
        self.rank, self.world = self.fabric.global_rank, self.fabric.world_size
        self.device = self.fabric.device

    def place(self, model: nn.Module) -> None:
        """Moves a model to this process's device, in the precision asked for; it keeps its class."""
        model.to(self.device, dtype=_TYPES.get(self._precision))

    def require_same(self, what: str, text: str) -> None:
        """Fault unless every process says the same."""
        if self.world > 1:
            digest = hashlib.sha256(text.encode()).digest()
            mine = torch.tensor(list(digest), dtype=torch.float64, device=self.device)
            if not torch.equal(self._sum(mine.clone()), mine * self.world):
                raise Fault(f"the processes do not agree on {what}: the same files must be there for each")

    def sum(self, numbers: Sequence[float]) -> list[float]:
        """Each number summed over all processes."""
        if self.world == 1:
            return list(numbers)
        return list(self._sum(torch.tensor(numbers, dtype=torch.float64, device=self.device)).tolist())

    def from_first(self, number: float) -> float:
        """Process 0's number, for all."""
        return self.sum([number if self.rank == 0 else 0.0])[0]

    def sum_gradients(self, model: nn.Module) -> None:
        """Every weight's gradient summed over all processes; one that no process has stays None."""
        if self.world == 1:
            return
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        present = self.sum([float(weight.grad is not None) for weight in weights])
        by_type: dict[torch.dtype, list[nn.Parameter]] = {}
        for weight, ranks in zip(weights, present, strict=True):
            if ranks:
                by_type.setdefault(weight.dtype, []).append(weight)
        for group in by_type.values():
            parts = [torch.zeros_like(w) if w.grad is None else w.grad for w in group]
            flat = self._sum(torch.cat([part.reshape(-1) for part in parts]))
            for weight, part in zip(group, torch.split(flat, [w.numel() for w in group]), strict=True):
                weight.grad = part.view_as(weight)

    def wait(self) -> None:
        """Until every process has come here."""
        self.fabric.barrier()

    def _sum(self, tensor: Tensor) -> Tensor:
        torch.distributed.all_reduce(tensor)
        return tensor
