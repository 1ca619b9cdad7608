// The module recurra.engines.native._engine.
#include "bindings.h"

#include <nanobind/stl/string.h>

#include "gemm.h"
#include "pick.h"
#include "pool.h"
#include "signals.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace recurra {
namespace {

template <class T>
void bind_gemm(nb::module_& m, const char* name) {
  m.def(
      name,
      [](long rows, long depth, long width, MatrixAt a, MatrixAt b, Address bias, RowsAt out, bool add, int threads) {
        const SignalCheck check(check_signals);
        gemm<T>(rows, depth, width, matrix_of<const T>(a), matrix_of<const T>(b), pointer_of<const T>(bias),
                pointer_of<T>(out[0]), out[1], add, threads);
      },
      "rows"_a, "depth"_a, "width"_a, "a"_a, "b"_a, "bias"_a, "out"_a, "add"_a, "threads"_a,
      nb::call_guard<nb::gil_scoped_release>());
}

template <class T>
void bind_sums(nb::module_& m, const char* name) {
  m.def(
      name,
      [](long rows, long width, RowsAt x, Address sums, int threads) {
        const SignalCheck check(check_signals);
        column_sums<T>(pointer_of<const T>(x[0]), x[1], rows, width, pointer_of<T>(sums), threads);
      },
      "rows"_a, "width"_a, "x"_a, "sums"_a, "threads"_a, nb::call_guard<nb::gil_scoped_release>());
}

}  // namespace
}  // namespace recurra

NB_MODULE(_engine, m) {
  using namespace recurra;
  // Calls live as long as the cells they were made from, which may be until the interpreter ends.
  nb::set_leak_warnings(false);
  m.def("level", [] { return level_name(level()); });
  m.def("use_team", [](uintptr_t team) { use_team(reinterpret_cast<Team>(team)); }, "team"_a);
  bind_gemm<float>(m, "gemm_f32");
  bind_gemm<double>(m, "gemm_f64");
  bind_sums<float>(m, "column_sums_f32");
  bind_sums<double>(m, "column_sums_f64");
  bind_program(m);
  bind_call(m);
  bind_stepper(m);
}
