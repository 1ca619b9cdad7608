// A run of a loop with its products, over time and over trees: plans as plain data, addresses in, seconds out.
#include "call.h"
#include "forest.h"

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

// The arguments of a call, in the order of CallArguments, as Python has them.
using ArgumentsAt = std::tuple<std::vector<RowsAt>, std::vector<Address>, std::vector<MatrixAt>, std::vector<Address>,
                               std::vector<Address>, std::vector<MatrixAt>, std::vector<Address>>;

template <class T>
CallArguments<T> arguments_of(const ArgumentsAt& at) {
  const auto& [tensors, buffers, weights, vectors, totals, gradients, sums] = at;
  return {rows_of<T>(tensors),           pointers_of<T>(buffers), {}, matrices_of<const T>(weights),
          pointers_of<const T>(vectors), {},                      pointers_of<T>(totals),
          matrices_of<T>(gradients),     pointers_of<T>(sums)};
}

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
          "finals"_a, "totals"_a, "gradients"_a, "sums"_a, "threads"_a)
      .def(
          "run_forest",
          [](const Call<T>& self, const Trees& trees, const ForestPlan& plan, const ArgumentsAt& with,
             const std::vector<long>& first_rows, const Call<T>* edge, const ArgumentsAt& edge_with,
             const std::vector<long>& edge_first_rows, const std::vector<RowsAt>& missing, int threads) {
            CallSeconds seconds;
            {
              nb::gil_scoped_release release;
              const SignalCheck check(check_signals);
              seconds = run_forest<T>(trees, plan, self, arguments_of<T>(with), first_rows, edge,
                                      arguments_of<T>(edge_with), edge_first_rows, rows_of<const T>(missing), threads);
            }
            return std::make_tuple(seconds.before, seconds.loop, seconds.after);
          },
          "trees"_a, "plan"_a, "arguments"_a, "first_rows"_a, "edge"_a.none(), "edge_arguments"_a, "edge_first_rows"_a,
          "missing"_a, "threads"_a);
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
  nb::class_<Trees>(m, "Trees")
      .def(
          "__init__",
          [](Trees* self, Address level_sizes, long levels, long nodes, long count, Address tree, long slots,
             Address children, long edges, Address child, Address parent, Address first) {
            const auto at = [](Address address) { return pointer_of<const int64_t>(address); };
            new (self) Trees{at(level_sizes), levels, nodes, count, at(tree), slots, at(children),
                             edges,           at(child), at(parent), at(first)};
          },
          "level_sizes"_a, "levels"_a, "nodes"_a, "count"_a, "tree"_a, "slots"_a, "children"_a, "edges"_a, "child"_a,
          "parent"_a, "first"_a);
  nb::class_<ForestPlan>(m, "ForestPlan")
      .def(nb::init<bool, Numbers, Numbers, Numbers, Numbers, Numbers, Numbers>(), "backward"_a, "states"_a, "reads"_a,
           "edge_states"_a, "edge_sums"_a, "same_lines"_a, "idle_lines"_a);
  bind_calls_of<float>(m, "CallF32");
  bind_calls_of<double>(m, "CallF64");
}

}  // namespace recurra
