"""Back-propagation through time in less memory: the state is kept every so many steps, and what the backward
pass needs besides is computed again, one segment after the other (Chen et al., 2016).

What runs a segment, and what it keeps for its backward pass, is gone before the next one runs: the parts
before and after the loop are included.
"""

from recurra.checkpointed.opaque import run_opaque_checkpointed
from recurra.checkpointed.program import run_checkpointed
from recurra.checkpointed.segments import Segment, require_every

__all__ = ["Segment", "require_every", "run_checkpointed", "run_opaque_checkpointed"]
