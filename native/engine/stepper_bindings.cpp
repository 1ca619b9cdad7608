// recurra._engine.Stepper: NumPy arrays in and out.
#include "stepper_bindings.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <stdexcept>

#include "encoded.h"
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

// Collects a stepper's parts; `build` makes it.
struct Builder {
  StepperSpec spec;

  Builder(long streams, int threads, int kind, long tokens, std::vector<int> arrays, int y) {
    spec.streams = streams;
    spec.threads = threads;
    spec.kind = static_cast<WeightKind>(kind);
    spec.tokens = tokens;
    spec.arrays = std::move(arrays);
    spec.loop = -1;
    spec.y = y;
  }

  void front(int array, uintptr_t table) { spec.sources.push_back({array, reinterpret_cast<const float*>(table)}); }

  // early: source, start, weight, vector, into of each; weights: depth, width, address and two strides of each.
  // states: addresses of their memory, for the segment that is the loop.
  void segment(std::vector<int> inputs, std::vector<int> states, std::vector<int> outputs,
               std::vector<int> temporaries, std::vector<int> vectors, std::vector<int> locals, const Numbers& weights,
               std::vector<double> immediates, const Numbers& lines, const Numbers& next, std::vector<int> input_arrays,
               std::vector<int> output_arrays, const Numbers& early, const Numbers& views, const Numbers& vector_data,
               bool loop, const Numbers& state_data) {
    if (early.size() % 5 || views.size() % 5) throw std::invalid_argument("stepper: lists of a wrong length");
    SegmentSpec made{make_program(inputs, states, outputs, temporaries, vectors, locals, {}, weights, immediates,
                                  lines, next),
                     input_arrays, output_arrays, {}, {}, {}, {}};
    for (size_t i = 0; i < early.size(); i += 5)
      made.hoisted.push_back({static_cast<int>(early[i]), static_cast<int>(early[i + 1]), static_cast<int>(early[i + 2]),
                            static_cast<int>(early[i + 3]), static_cast<int>(early[i + 4])});
    for (size_t i = 0; i < views.size(); i += 5) {
      made.sizes.emplace_back(static_cast<int>(views[i]), static_cast<int>(views[i + 1]));
      made.weights.push_back({reinterpret_cast<const float*>(views[i + 2]), views[i + 3], views[i + 4]});
    }
    for (int64_t address : vector_data) made.vectors.push_back(reinterpret_cast<const float*>(address));
    if (loop) {
      spec.loop = static_cast<int>(spec.segments.size());
      for (int64_t address : state_data) spec.states.push_back(reinterpret_cast<float*>(address));
    }
    spec.segments.push_back(std::move(made));
  }
};

void call(Stepper& self, const void* x, size_t numbers, Out y, const int64_t* rows, long count) {
  const long width = self.x_width();
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
  nb::class_<Builder>(m, "StepperParts")
      .def(nb::init<long, int, int, long, std::vector<int>, int>(), "streams"_a, "threads"_a, "kind"_a, "tokens"_a,
           "arrays"_a, "y"_a)
      .def("front", &Builder::front, "array"_a, "table"_a)
      .def("segment", &Builder::segment, "inputs"_a, "states"_a, "outputs"_a, "temporaries"_a, "vectors"_a, "locals"_a,
           "weights"_a, "immediates"_a, "lines"_a, "next"_a, "input_arrays"_a, "output_arrays"_a, "early"_a, "views"_a,
           "vector_data"_a, "loop"_a, "state_data"_a);
  nb::class_<Stepper>(m, "Stepper")
      .def("__init__", [](Stepper* self, Builder& parts) { new (self) Stepper(std::move(parts.spec)); })
      .def("run", &run_all<Floats>, "x"_a.noconvert(), "y"_a.noconvert())
      .def("run", &run_all<Ids>, "x"_a.noconvert(), "y"_a.noconvert())
      .def("run", &run_some<Floats>, "x"_a.noconvert(), "y"_a.noconvert(), "rows"_a.noconvert())
      .def("run", &run_some<Ids>, "x"_a.noconvert(), "y"_a.noconvert(), "rows"_a.noconvert())
      .def_prop_ro("work", &Stepper::work)
      .def_prop_ro("weight_bytes", &Stepper::weight_bytes);
}

}  // namespace recurra
