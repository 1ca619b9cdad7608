#include "program.h"

#include <stdexcept>
#include <string>

namespace recurra {
namespace {

[[noreturn]] void refuse(size_t line, const char* why) {
  throw std::invalid_argument("loop program, line " + std::to_string(line) + ": " + why);
}

int operands_of(int op) {
  switch (static_cast<Op>(op)) {
#define R(name, operands) \
  case Op::name: return operands;
    RECURRA_POINTWISE(R)
    RECURRA_ROWWISE(R)
    RECURRA_PARTS(R)
#undef R
    default: return 0;
  }
}

struct Widths {
  int d, a;
};

// Of an instruction between a row and its parts; -1: it has no such form.
Widths widths_of_parts(const Line& line) {
  constexpr Widths none{-1, -1};
  if (line.block < 1 || line.count < 1 || line.width < 1) return none;
  const Op op = static_cast<Op>(line.op);
  if (op == Op::gather) return {line.width, line.block};
  if (op == Op::scatter_add) return {line.block, line.width};
  const long part = static_cast<long>(line.block) * line.count;
  if (line.width % part != 0) return none;
  const int narrow = line.width / line.count;
  return op == Op::repeat ? Widths{line.width, narrow} : Widths{narrow, line.width};
}

bool is_weighing(int op) { return op == static_cast<int>(Op::dot) || op == static_cast<int>(Op::weigh); }

bool is_parts(int op) { return op > static_cast<int>(Op::weigh) && op < static_cast<int>(Op::count); }

bool is_rowwise(int op) { return op >= static_cast<int>(Op::sum) && op < static_cast<int>(Op::total); }

}  // namespace

void LoopProgram::check() const {
  const auto width_of = [&](Place p) -> int {
    const auto at = [&](const std::vector<int>& widths) {
      return p.index >= 0 && p.index < static_cast<int>(widths.size()) ? widths[p.index] : -1;
    };
    switch (p.space) {
      case Space::input: return at(inputs);
      case Space::state:
      case Space::next: return at(states);
      case Space::output: return at(outputs);
      case Space::temporary: return at(temporaries);
      case Space::vector: return at(vectors);
      case Space::local: return at(locals);
      case Space::total: return at(totals);
      case Space::immediate: return p.index >= 0 && p.index < static_cast<int>(immediates.size()) ? 1 : -1;
      default: return -1;
    }
  };
  const auto fits = [&](Place p, int width) {
    return p.column >= 0 && width >= 1 && width_of(p) >= 0 && p.column + width <= width_of(p);
  };
  const auto writable = [](Place p) {
    return p.space == Space::output || p.space == Space::next || p.space == Space::temporary;
  };
  for (size_t i = 0; i < lines.size(); ++i) {
    const Line& line = lines[i];
    if (line.op == Line::product) {
      if (line.weight < 0 || line.weight >= static_cast<int>(weights.size())) refuse(i, "no such weight");
      const auto [depth, width] = weights[line.weight];
      if (line.width != width || !fits(line.d, width) || !writable(line.d)) refuse(i, "product's result");
      const Space from = line.a.space;
      if (!fits(line.a, depth) || from == Space::local || from == Space::vector || from == Space::immediate)
        refuse(i, "product's rows");
      if (line.b.space != Space::none && (line.b.space != Space::vector || !fits(line.b, width)))
        refuse(i, "product's bias");
      if (line.c.space != Space::none && (line.c.space == Space::local || !fits(line.c, width)))
        refuse(i, "product's addend");
      continue;
    }
    const int operands = operands_of(line.op);
    if (operands == 0) refuse(i, "no such operation");
    if (line.mode < 0 || line.mode >= modes) refuse(i, "mode");
    if (is_parts(line.op)) {
      const Widths widths = widths_of_parts(line);
      if (line.mode != 0) refuse(i, "mode");
      if (!writable(line.d) && line.d.space != Space::local) refuse(i, "result");
      if (!fits(line.d, widths.d)) refuse(i, "result's width");
      const bool rows = line.a.space != Space::total && (line.a.space != Space::immediate || widths.a == 1);
      if (!rows || !fits(line.a, widths.a)) refuse(i, "operand");
      if (operands > 1 && (line.b.space != Space::vector || !fits(line.b, line.width))) refuse(i, "columns");
      continue;
    }
    if (line.parts > 0 || is_weighing(line.op)) {
      if (line.parts < 1 || line.width < 1) refuse(i, "parts");
      if (!is_weighing(line.op) && line.op >= static_cast<int>(Op::sum)) refuse(i, "no operation on parts");
      const int width = line.op == static_cast<int>(Op::dot)     ? line.parts
                        : line.op == static_cast<int>(Op::weigh) ? line.width
                                                                 : line.parts * line.width;
      if (!writable(line.d) && line.d.space != Space::local) refuse(i, "result");
      if (!fits(line.d, width)) refuse(i, "result's width");
      const Place places[3] = {line.a, line.b, line.c};
      const int single[3] = {single_a, single_b, single_c};
      for (int k = 0; k < operands; ++k) {
        const bool one = line.mode & single[k];
        const int stride = line.strides[k], own = one ? 1 : line.width;
        if (stride != 0 && stride != own) refuse(i, "stride");
        if (places[k].space == Space::total || !fits(places[k], (line.parts - 1) * stride + own)) refuse(i, "operand");
        if (places[k].space == Space::immediate && !one && line.width != 1) refuse(i, "constant");
      }
      continue;
    }
    const bool total = line.op == static_cast<int>(Op::total);
    if (total ? line.d.space != Space::total : !writable(line.d) && line.d.space != Space::local)
      refuse(i, "result");
    if (!fits(line.d, is_rowwise(line.op) ? 1 : line.width)) refuse(i, "result's width");
    const Place places[3] = {line.a, line.b, line.c};
    const int single[3] = {single_a, single_b, single_c};
    for (int k = 0; k < operands; ++k) {
      const bool one = line.mode & single[k];
      if (places[k].space == Space::total || !fits(places[k], one ? 1 : line.width)) refuse(i, "operand");
      if (places[k].space == Space::immediate && !one && line.width != 1) refuse(i, "constant");
    }
  }
  if (next.size() != states.size()) throw std::invalid_argument("loop program: one next value for each state");
  for (size_t j = 0; j < next.size(); ++j) {
    const Place p = next[j];
    const bool own = (p.space == Space::state || p.space == Space::next) && p.index == static_cast<int>(j);
    if (!(own || p.space == Space::output) || !fits(p, states[j]))
      throw std::invalid_argument("loop program: place of a state's next value");
  }
}

}  // namespace recurra
