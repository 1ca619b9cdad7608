// A stepper: its parts as plain data, NumPy arrays in and out.
#include <nanobind/ndarray.h>

#include <optional>
#include <stdexcept>
#include <utility>

#include "bindings.h"
#include "pool.h"
#include "signals.h"
#include "stepper.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace recurra {
namespace {

using Floats = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;
using Ids = nb::ndarray<const int64_t, nb::c_contig, nb::device::cpu>;
using Out = nb::ndarray<float, nb::c_contig, nb::device::cpu>;

// Below so many multiply-adds a call keeps the interpreter to itself: handing it over costs as much.
constexpr double brief = 5e5;

using Widths = std::vector<int>;

SegmentSpec segment(LoopProgram program, Widths inputs, Widths outputs, std::vector<HoistedProduct> hoisted,
                    std::vector<std::pair<int, int>> sizes, const std::vector<MatrixAt>& weights,
                    const std::vector<Address>& vectors) {
  if (sizes.size() != weights.size()) throw std::invalid_argument("stepper: one size for each weight");
  return {std::move(program), std::move(inputs), std::move(outputs), std::move(hoisted), std::move(sizes),
          matrices_of<const float>(weights), pointers_of<const float>(vectors)};
}

StepperSpec stepper(long streams, int threads, WeightKind kind, long tokens, Widths arrays,
                    const std::vector<std::pair<int, Address>>& sources, std::vector<SegmentSpec> segments, int loop,
                    const std::vector<Address>& states, int y) {
  StepperSpec spec{streams, threads, kind, tokens, std::move(arrays), {}, std::move(segments), loop,
                   pointers_of<float>(states), y};
  for (const auto& [array, table] : sources) spec.sources.push_back({array, pointer_of<const float>(table)});
  return spec;
}

void call(Stepper& self, const void* x, size_t numbers, Out y, const int64_t* rows, long count) {
  const long width = self.x_width();  // at least 1
  const long steps = static_cast<long>(numbers) / (width * count);
  if (static_cast<long>(numbers) != steps * count * width ||
      static_cast<long>(y.size()) != steps * count * self.y_width())
    throw nb::type_error("stepper: x or y of a wrong size");
  const double work = self.work_of(steps, count);
  if (work < brief) {
    // who waits for a turn lets go of the interpreter: a long run needs it now and then, to look for Ctrl-C
    Stepper::Turn mine = self.turn_if_free();
    if (!mine) {
      nb::gil_scoped_release release;
      mine = self.turn();
    }
    return self.run(mine, x, y.data(), steps, rows, count);
  }
  nb::gil_scoped_release release;
  const Stepper::Turn mine = self.turn();
  std::optional<SignalCheck> check;
  if (work >= worth_stopping) check.emplace(check_signals);
  self.run(mine, x, y.data(), steps, rows, count);
}

template <class X>
void run_all(Stepper& self, X x, Out y) {
  if (self.reads_ids() != std::is_same_v<X, Ids>) throw nb::type_error("stepper: x of a wrong type");
  call(self, x.data(), x.size(), y, nullptr, self.streams());
}

template <class X>
void run_some(Stepper& self, X x, Out y, Ids rows) {
  if (self.reads_ids() != std::is_same_v<X, Ids>) throw nb::type_error("stepper: x of a wrong type");
  if (rows.size()) call(self, x.data(), x.size(), y, rows.data(), static_cast<long>(rows.size()));
}

}  // namespace

void bind_stepper(nb::module_& m) {
  nb::enum_<WeightKind>(m, "WeightKind")
      .value("float32", WeightKind::full)
      .value("bfloat16", WeightKind::bfloat16)
      .value("int8", WeightKind::int8);
  nb::class_<HoistedProduct>(m, "HoistedProduct")
      .def(nb::init<int, int, int, int, int>(), "source"_a, "start"_a, "weight"_a, "vector"_a, "into"_a);
  nb::class_<SegmentSpec>(m, "Segment")
      .def(
          "__init__",
          [](SegmentSpec* self, LoopProgram program, Widths inputs, Widths outputs, std::vector<HoistedProduct> hoisted,
             std::vector<std::pair<int, int>> sizes, const std::vector<MatrixAt>& weights,
             const std::vector<Address>& vectors) {
            new (self) SegmentSpec(segment(program, inputs, outputs, hoisted, sizes, weights, vectors));
          },
          "program"_a, "inputs"_a, "outputs"_a, "hoisted"_a, "sizes"_a, "weights"_a, "vectors"_a);
  nb::class_<Stepper>(m, "Stepper")
      .def(
          "__init__",
          [](Stepper* self, long streams, int threads, WeightKind kind, long tokens, Widths arrays,
             const std::vector<std::pair<int, Address>>& sources, std::vector<SegmentSpec> segments, int loop,
             const std::vector<Address>& states, int y) {
            new (self) Stepper(stepper(streams, threads, kind, tokens, arrays, sources, segments, loop, states, y));
          },
          "streams"_a, "threads"_a, "kind"_a, "tokens"_a, "arrays"_a, "sources"_a, "segments"_a, "loop"_a, "states"_a,
          "y"_a)
      .def("run", &run_all<Floats>, "x"_a.noconvert(), "y"_a.noconvert())
      .def("run", &run_all<Ids>, "x"_a.noconvert(), "y"_a.noconvert())
      .def("run", &run_some<Floats>, "x"_a.noconvert(), "y"_a.noconvert(), "rows"_a.noconvert())
      .def("run", &run_some<Ids>, "x"_a.noconvert(), "y"_a.noconvert(), "rows"_a.noconvert())
      .def_prop_ro("work", &Stepper::work)
      .def_prop_ro("weight_bytes", &Stepper::weight_bytes);
}

}  // namespace recurra
