from __future__ import annotations

import pytest

from recurra.errors import Fault


def test_fault_is_one_line_and_a_value_error() -> None:
    with pytest.raises(ValueError, match="^data.csv line 3: found 'a b', expected a number$") as raised:
        raise Fault("data.csv line 3:\n  found 'a\tb', expected a number\n")
    assert isinstance(raised.value, Fault)
