// A program as the driver and the stepper run it: flat instructions over numbered places.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "ops.h"

namespace recurra {

// Where numbers live. One step sees, for the rows it works on:
//   input      rows of an array [N, width] over all of time (read)
//   state      what the previous step left, [B, width] (read)
//   output     rows of an array [N, width] (written, may be read again within the step)
//   next       room for a state's next value (written)
//   temporary  room for the rows of a block (written, read)
//   vector     [width], the same for every row (read)
//   immediate  one constant (read)
//   local      room for the rows of a tile: only between two products (written, read)
//   total      [width], a sum over all rows and steps (only `total` writes it)
enum class Space : int { input, state, output, next, temporary, vector, immediate, local, total, none };

struct Place {
  Space space;
  int index;
  int column;
};

// product: d [width] = a [depth] @ weight + b (a vector, or none) + c (rows, or none).
// Anything else: see ops.h, also for the bits of `mode`. `width` is that of the wider row; `block` and `count` say
// how it is parted. Pointwise instructions, `dot` and `weigh` may go over `parts` sub-rows of each row, `width` being
// that of one: each of a, b, c moves on by its own stride from one sub-row to the next: its whole width, 0 (the same
// numbers again), or 1 with its bit in `mode` (one number a sub-row). Of `gather` and `scatter_add`: that of b, and `block` is the width of the row that b points into.
struct Line {
  static constexpr int product = -1;

  int op;  // an Op, or `product`
  int width;
  int mode;
  Place d, a, b, c;
  int weight;
  int block = 1, count = 1;
  int parts = 0;  // 0: the row is one
  std::array<int, 3> strides{};
};

struct LoopProgram {
  std::vector<int> inputs, states, outputs, temporaries, vectors, locals, totals;  // widths
  std::vector<std::pair<int, int>> weights;                                        // depth, width
  std::vector<double> immediates;
  std::vector<Line> lines;
  std::vector<Place> next;  // of each state: itself (unchanged), its `next`, or an output

  // Throws std::invalid_argument unless every place exists, fits and may be used as it is.
  void check() const;
};

}  // namespace recurra
