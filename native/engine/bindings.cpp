// recurra._engine: pointers in, numbers out. Tensors cross as addresses, so that one build serves
// every version of torch. The caller keeps the memory alive for the length of a call.
#include <nanobind/nanobind.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <cstdint>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "call.h"
#include "driver.h"
#include "encoded.h"
#include "gemm.h"
#include "pick.h"
#include "pool.h"
#include "signals.h"
#include "stepper_bindings.h"

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
        const SignalCheck check(check_signals);
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
        const SignalCheck check(check_signals);
        column_sums<T>(reinterpret_cast<const T*>(x), stride, rows, width, reinterpret_cast<T*>(sums), threads);
      },
      nb::call_guard<nb::gil_scoped_release>());
}

template <class T>
std::vector<T*> pointers(const Numbers& addresses) {
  std::vector<T*> out;
  for (int64_t a : addresses) out.push_back(reinterpret_cast<T*>(a));
  return out;
}

template <class T>
std::vector<Strided<T>> arrays(const Numbers& addresses_and_strides) {
  std::vector<Strided<T>> out;
  for (size_t i = 0; i + 1 < addresses_and_strides.size(); i += 2)
    out.push_back({reinterpret_cast<T*>(addresses_and_strides[i]), addresses_and_strides[i + 1]});
  return out;
}

template <class View>
std::vector<View> views(const Numbers& addresses_and_strides) {
  using Address = decltype(View::data);
  std::vector<View> out;
  for (size_t i = 0; i + 2 < addresses_and_strides.size(); i += 3)
    out.push_back({reinterpret_cast<Address>(addresses_and_strides[i]), addresses_and_strides[i + 1],
                   addresses_and_strides[i + 2]});
  return out;
}

template <class T>
void bind_driver(nb::module_& m, const char* name) {
  nb::class_<Driver<T>>(m, name)
      .def("__init__",
           [](Driver<T>* self, std::vector<int> inputs, std::vector<int> states, std::vector<int> outputs,
              std::vector<int> temporaries, std::vector<int> vectors, std::vector<int> locals, std::vector<int> totals,
              const Numbers& weights, std::vector<double> immediates, const Numbers& lines, const Numbers& next) {
             new (self) Driver<T>(
                 make_program(inputs, states, outputs, temporaries, vectors, locals, totals, weights, immediates, lines,
                              next));
           },
           "inputs"_a, "states"_a, "outputs"_a, "temporaries"_a, "vectors"_a, "locals"_a, "totals"_a, "weights"_a,
           "immediates"_a, "lines"_a, "next"_a);
}

std::vector<Times> products(const std::vector<std::array<int, 9>>& given) {
  std::vector<Times> out;
  for (const auto& g : given) out.push_back({g[0], g[1], g[2], g[3], g[4] != 0, g[5], g[6], g[7], g[8] != 0});
  return out;
}

template <class T>
void bind_call(nb::module_& m, const char* name) {
  nb::class_<Call<T>>(m, name)
      .def("__init__",
           [](Call<T>* self, const Driver<T>& loop, std::vector<int> given, std::vector<std::vector<int>> rooms,
              std::vector<int> inputs, std::vector<int> outputs, std::vector<int> vectors,
              std::vector<std::pair<int, int>> weights, std::vector<std::pair<int, bool>> loop_weights,
              const std::vector<std::array<int, 9>>& before, const std::vector<std::array<int, 9>>& after,
              const std::vector<std::array<int, 5>>& gradients, std::vector<int> sums) {
             CallPlan plan{given,        rooms,           inputs,          outputs, vectors, weights,
                           loop_weights, products(before), products(after), {},      sums};
             for (const auto& g : gradients) plan.gradients.push_back({g[0], g[1], g[2], g[3], g[4] != 0});
             new (self) Call<T>(loop, std::move(plan));
           },
           "loop"_a, "given"_a, "rooms"_a, "inputs"_a, "outputs"_a, "vectors"_a, "weights"_a, "loop_weights"_a,
           "before"_a, "after"_a, "gradients"_a, "sums"_a, nb::keep_alive<1, 2>())
      .def(
          "run",
          [](const Call<T>& self, long rows, const Numbers& batch_sizes, bool reverse, const Numbers& given,
             const Numbers& rooms, const Numbers& states, const Numbers& weights, const Numbers& vectors,
             const Numbers& finals, const Numbers& totals, const Numbers& gradients, const Numbers& sums, int threads) {
            CallSeconds seconds;
            {
              nb::gil_scoped_release release;
              const SignalCheck check(check_signals);
              const CallArguments<T> with{arrays<T>(given),      pointers<T>(rooms),
                                          arrays<const T>(states), views<Matrix<const T>>(weights),
                                          pointers<const T>(vectors), pointers<T>(finals),
                                          pointers<T>(totals),   views<Matrix<T>>(gradients),
                                          pointers<T>(sums)};
              seconds = self.run(rows, batch_sizes.data(), static_cast<long>(batch_sizes.size()), reverse, with, threads);
            }
            return std::make_tuple(seconds.before, seconds.loop, seconds.after);
          },
          "rows"_a, "batch_sizes"_a, "reverse"_a, "given"_a, "rooms"_a, "states"_a, "weights"_a, "vectors"_a,
          "finals"_a, "totals"_a, "gradients"_a, "sums"_a, "threads"_a);
}

nb::dict operation_codes() {
  nb::dict codes;
#define R(name, operands) codes[#name] = static_cast<int>(Op::name);
  RECURRA_POINTWISE(R)
  RECURRA_ROWWISE(R)
#undef R
  return codes;
}

nb::dict space_codes() {
  nb::dict codes;
  const char* names[] = {"input", "state", "output", "next", "temporary", "vector", "immediate", "local", "total", "none"};
  for (int i = 0; i <= static_cast<int>(Space::none); ++i) codes[names[i]] = i;
  return codes;
}

}  // namespace
}  // namespace recurra

NB_MODULE(_engine, m) {
  using namespace recurra;
  // Loops live as long as the cells they were made from, which may be until the interpreter ends.
  nb::set_leak_warnings(false);
  m.def("level", [] { return level_name(level()); });
  m.def("use_team", [](uintptr_t team) { use_team(reinterpret_cast<Team>(team)); }, "team"_a);
  bind_gemm<float>(m, "gemm_f32");
  bind_gemm<double>(m, "gemm_f64");
  bind_sums<float>(m, "column_sums_f32");
  bind_sums<double>(m, "column_sums_f64");
  bind_driver<float>(m, "LoopF32");
  bind_driver<double>(m, "LoopF64");
  bind_call<float>(m, "CallF32");
  bind_call<double>(m, "CallF64");
  bind_stepper(m);
  m.attr("OPS") = operation_codes();
  m.attr("SPACES") = space_codes();
}
