// A loop program from the flat lists that Python encodes it in.
#pragma once
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "program.h"

namespace recurra {

using Numbers = std::vector<int64_t>;

inline Place place_of(const int64_t* p) {
  return {static_cast<Space>(p[0]), static_cast<int>(p[1]), static_cast<int>(p[2])};
}

// weights: depth, width of each; lines: op, width, mode, 3 numbers each for d, a, b, c, weight;
// next: 3 numbers a state.
inline LoopProgram make_program(std::vector<int> inputs, std::vector<int> states, std::vector<int> outputs,
                                std::vector<int> temporaries, std::vector<int> vectors, std::vector<int> locals,
                                std::vector<int> totals, const Numbers& weights, std::vector<double> immediates,
                                const Numbers& lines, const Numbers& next) {
  if (lines.size() % 16 || next.size() % 3 || weights.size() % 2)
    throw std::invalid_argument("loop program: lists of a wrong length");
  LoopProgram p{inputs, states, outputs, temporaries, vectors, locals, totals, {}, immediates, {}, {}};
  for (size_t i = 0; i < weights.size(); i += 2)
    p.weights.emplace_back(static_cast<int>(weights[i]), static_cast<int>(weights[i + 1]));
  for (size_t i = 0; i < lines.size(); i += 16) {
    const int64_t* l = &lines[i];
    p.lines.push_back({static_cast<int>(l[0]), static_cast<int>(l[1]), static_cast<int>(l[2]), place_of(l + 3),
                       place_of(l + 6), place_of(l + 9), place_of(l + 12), static_cast<int>(l[15])});
  }
  for (size_t i = 0; i < next.size(); i += 3) p.next.push_back(place_of(&next[i]));
  return p;
}

}  // namespace recurra
