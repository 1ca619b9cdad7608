// A run of a loop with its products: plans as plain data, addresses in, seconds out.
#include "call.h"

#include <nanobind/stl/tuple.h>

#include <tuple>
#include <utility>

#include "bindings.h"
#include "pool.h"
#include "signals.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace recurra {
namespace {

template <class T>
void bind_calls_of(nb::module_& m, const char* name) {
  nb::class_<Call<T>>(m, name)
      .def(nb::init<LoopProgram, CallPlan>(), "loop"_a, "plan"_a)
      .def(
          "run",
          [](const Call<T>& self, long rows, const std::vector<int64_t>& batch_sizes, bool reverse,
             const std::vector<RowsAt>& tensors, const std::vector<Address>& buffers,
             const std::vector<RowsAt>& initial, const std::vector<MatrixAt>& weights,
             const std::vector<Address>& vectors, const std::vector<Address>& finals,
             const std::vector<Address>& totals, const std::vector<MatrixAt>& gradients,
             const std::vector<Address>& sums, int threads) {
            CallSeconds seconds;
            {
              nb::gil_scoped_release release;
              const SignalCheck check(check_signals);
              const CallArguments<T> with{rows_of<T>(tensors),           pointers_of<T>(buffers),
                                          rows_of<const T>(initial),     matrices_of<const T>(weights),
                                          pointers_of<const T>(vectors), pointers_of<T>(finals),
                                          pointers_of<T>(totals),        matrices_of<T>(gradients),
                                          pointers_of<T>(sums)};
              seconds = self.run(rows, batch_sizes.data(), static_cast<long>(batch_sizes.size()), reverse, with,
                                 threads);
            }
            return std::make_tuple(seconds.before, seconds.loop, seconds.after);
          },
          "rows"_a, "batch_sizes"_a, "reverse"_a, "tensors"_a, "buffers"_a, "initial"_a, "weights"_a, "vectors"_a,
          "finals"_a, "totals"_a, "gradients"_a, "sums"_a, "threads"_a);
}

}  // namespace

void bind_call(nb::module_& m) {
  nb::class_<Product>(m, "Product")
      .def(nb::init<int, int, int, int, bool, int, int, int, bool>(), "x"_a, "start"_a, "depth"_a, "weight"_a,
           "transposed"_a, "vector"_a, "out"_a, "out_start"_a, "add"_a)
      .def_ro("weight", &Product::weight);
  nb::class_<GradientProduct>(m, "GradientProduct")
      .def(nb::init<int, int, int, int, bool>(), "x"_a, "start"_a, "gradient"_a, "weight"_a, "add"_a)
      .def_ro("weight", &GradientProduct::weight);
  using Numbers = std::vector<int>;
  nb::class_<CallPlan>(m, "CallPlan")
      .def(nb::init<Numbers, std::vector<Numbers>, Numbers, Numbers, Numbers, std::vector<std::pair<int, int>>,
                    std::vector<std::pair<int, bool>>, std::vector<Product>, std::vector<GradientProduct>, Numbers,
                    std::vector<Product>>(),
           "tensors"_a, "buffers"_a, "inputs"_a, "outputs"_a, "vectors"_a, "weights"_a, "loop_weights"_a, "hoisted"_a,
           "weight_gradients"_a, "sums"_a, "input_gradients"_a);
  bind_calls_of<float>(m, "CallF32");
  bind_calls_of<double>(m, "CallF64");
}

}  // namespace recurra
