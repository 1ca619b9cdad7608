// Ctrl-C ends a long run instead of waiting for it; what the run would have written is then of no use.
#pragma once
#include <nanobind/nanobind.h>

namespace recurra {

inline void check_signals() {
  nanobind::gil_scoped_acquire hold;
  if (PyErr_CheckSignals() != 0) throw nanobind::python_error();
}

}  // namespace recurra
