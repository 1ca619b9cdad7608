// A loop program, as plain data.
#include <nanobind/operators.h>

#include <utility>

#include "bindings.h"
#include "program.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace recurra {
namespace {

nb::dict operation_codes() {
  nb::dict codes;
#define R(name, operands) codes[#name] = static_cast<int>(Op::name);
  RECURRA_POINTWISE(R)
  RECURRA_ROWWISE(R)
  RECURRA_PARTS(R)
#undef R
  return codes;
}

}  // namespace

void bind_program(nb::module_& m) {
  nb::enum_<Space>(m, "Space")
      .value("input", Space::input)
      .value("state", Space::state)
      .value("output", Space::output)
      .value("next", Space::next)
      .value("temporary", Space::temporary)
      .value("vector", Space::vector)
      .value("immediate", Space::immediate)
      .value("local", Space::local)
      .value("total", Space::total)
      .value("none", Space::none);
  nb::class_<Place>(m, "Place")
      .def(nb::init<Space, int, int>(), "space"_a, "index"_a = 0, "column"_a = 0)
      .def_ro("space", &Place::space)
      .def_ro("index", &Place::index)
      .def_ro("column", &Place::column)
      .def(
          "__eq__",
          [](const Place& one, const Place& other) {
            return one.space == other.space && one.index == other.index && one.column == other.column;
          },
          nb::is_operator())
      .def("__hash__", [](const Place& p) {
        return (static_cast<int64_t>(p.space) << 56) ^ (static_cast<int64_t>(p.index) << 28) ^ p.column;
      });
  const Place none{Space::none, 0, 0};
  nb::class_<Line>(m, "Line").def(
      nb::init<int, int, int, Place, Place, Place, Place, int, int, int, int, std::array<int, 3>>(), "op"_a, "width"_a,
      "mode"_a, "d"_a, "a"_a, "b"_a = none, "c"_a = none, "weight"_a = -1, "block"_a = 1, "count"_a = 1, "parts"_a = 0,
      "strides"_a = std::array<int, 3>{});
  using Widths = std::vector<int>;
  nb::class_<LoopProgram>(m, "LoopProgram")
      .def(nb::init<Widths, Widths, Widths, Widths, Widths, Widths, Widths, std::vector<std::pair<int, int>>,
                    std::vector<double>, std::vector<Line>, std::vector<Place>>(),
           "inputs"_a, "states"_a, "outputs"_a, "temporaries"_a, "vectors"_a, "locals"_a, "totals"_a, "weights"_a,
           "immediates"_a, "lines"_a, "next"_a);
  m.attr("OPS") = operation_codes();
  m.attr("PRODUCT") = static_cast<int>(Line::product);
  m.attr("SINGLE") = nb::make_tuple(static_cast<int>(single_a), static_cast<int>(single_b), static_cast<int>(single_c));
}

}  // namespace recurra
