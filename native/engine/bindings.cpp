// recurra._engine: pointers in, numbers out. Tensors cross as addresses, so that one build serves
// every version of torch. The caller keeps the memory alive for the length of a call.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstdint>

#include "gemm.h"
#include "pick.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace recurra {
namespace {

template <class T>
void bind_gemm(nb::module_& m, const char* name) {
  m.def(
      name,
      [](long rows, long depth, long width, uintptr_t a, long a_row, long a_column, uintptr_t b, long b_row,
         long b_column, uintptr_t bias, uintptr_t c, long c_row, bool add, int threads) {
        gemm<T>(rows, depth, width, {reinterpret_cast<const T*>(a), a_row, a_column},
                {reinterpret_cast<const T*>(b), b_row, b_column}, reinterpret_cast<const T*>(bias),
                reinterpret_cast<T*>(c), c_row, add, threads);
      },
      nb::call_guard<nb::gil_scoped_release>());
}

template <class T>
void bind_sums(nb::module_& m, const char* name) {
  m.def(
      name,
      [](uintptr_t x, long stride, long rows, long width, uintptr_t sums, int threads) {
        column_sums<T>(reinterpret_cast<const T*>(x), stride, rows, width, reinterpret_cast<T*>(sums), threads);
      },
      nb::call_guard<nb::gil_scoped_release>());
}

}  // namespace
}  // namespace recurra

NB_MODULE(_engine, m) {
  using namespace recurra;
  m.def("level", [] { return level_name(level()); });
  bind_gemm<float>(m, "gemm_f32");
  bind_gemm<double>(m, "gemm_f64");
  bind_sums<float>(m, "column_sums_f32");
  bind_sums<double>(m, "column_sums_f64");
}
