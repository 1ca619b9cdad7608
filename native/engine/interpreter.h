// The one interpreter of loop programs, under the driver (loops over ragged rows) and the stepper (streams).
//
// A program's places become slots, each a pointer and a stride that change as steps go. Products and instructions
// run over the rows of one step; between two products the rows are cut into tiles, and all instructions of a tile
// run before those of the next one, so that their operands stay in the first-level cache.
// Not for level sources: see native/levels.cmake.
#pragma once
#include <algorithm>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "packed.h"
#include "program.h"

namespace recurra {

// Numbers of a tile's widest row times its rows.
constexpr long tile_numbers = 1024;
// A tile has so many rows at least: most instructions of a step over matrices are over a few numbers a row, and cost
// what a call costs. Matrices are read from the second-level cache then, at hardly less than from the first.
constexpr long least_tile_rows = 4;

// A place as a slot.
struct Operand {
  int slot = -1;  // of a total: its number
  int column = 0;
  bool local = false;  // begins anew with every tile
};

// The slots of a program: those of its inputs first, then those of each space in turn.
struct SlotLayout {
  int first_state, first_output, first_next, first_temporary, first_vector, first_immediate, first_local, count;

  explicit SlotLayout(const LoopProgram& p) {
    int slots = 0;
    const auto advance = [&slots](size_t more) { return slots += static_cast<int>(more); };
    first_state = advance(p.inputs.size());
    first_output = advance(p.states.size());
    first_next = advance(p.outputs.size());
    first_temporary = advance(p.states.size());
    first_vector = advance(p.temporaries.size());
    first_immediate = advance(p.vectors.size());
    first_local = advance(p.immediates.size());
    count = advance(p.locals.size());
  }

  Operand operand(Place place) const {
    const auto slot = [&](int first) { return Operand{first + place.index, place.column, place.space == Space::local}; };
    switch (place.space) {
      case Space::input:
      case Space::total: return slot(0);
      case Space::state: return slot(first_state);
      case Space::output: return slot(first_output);
      case Space::next: return slot(first_next);
      case Space::temporary: return slot(first_temporary);
      case Space::vector: return slot(first_vector);
      case Space::immediate: return slot(first_immediate);
      case Space::local: return slot(first_local);
      default: return {};
    }
  }
};

// A line over slots, its kernel looked up.
template <class T>
struct SlotLine {
  Instruction<T> call = nullptr;  // null: a product
  long width = 0, block = 1, count = 1;
  long parts = 0, part_strides[4] = {0, 0, 0, 0};  // of d, a, b, c from one sub-row to the next
  Operand d, a, b, c;
  int weight = -1;
  int mode = 0;
  bool flat = false;  // rows that lie without gaps may be taken as one long row
  bool is_total = false;
};

// Where the slots of one thread are at the moment. Those that are only read are never written: LoopProgram::check.
template <class T>
struct Frame {
  std::vector<Strided<T>> slots;
  long tile = 1;  // rows

  [[gnu::always_inline]] T* at(const Operand& o, long row) const {
    const Strided<T>& slot = slots[o.slot];
    return slot.data + o.column + (o.local ? 0 : row * slot.row_stride);
  }
};

// In the place of what sums rows, for a program that has no totals.
struct NoTotals {};

// A program made ready: made once, run often, from any thread.
template <class T>
struct Interpreter {
  LoopProgram code;
  SlotLayout layout;
  std::vector<SlotLine<T>> lines;
  std::vector<T> immediates;
  long widest = 1;  // of the rows that instructions take

  explicit Interpreter(LoopProgram program) : code(std::move(program)), layout(code) {
    code.check();
    for (double value : code.immediates) immediates.push_back(static_cast<T>(value));
    for (const Line& line : code.lines) lines.push_back(over_slots(line));
    for (const Line& line : code.lines)
      if (line.op != Line::product)
        widest = std::max<long>({widest, static_cast<long>(line.width) * std::max(line.parts, 1), line.block});
  }

  // Of so many rows at most.
  long tile_rows(long rows) const { return std::max<long>(1, std::min(rows, std::max(least_tile_rows, tile_numbers / widest))); }

  // Slots for so many rows: memory(numbers) for temporaries and locals, constants where they lie; the caller says
  // where inputs, states, their next values and outputs are.
  template <class Memory>
  Frame<T> frame(long rows, const std::vector<const T*>& vectors, const Memory& memory) const {
    Frame<T> f{std::vector<Strided<T>>(layout.count), tile_rows(rows)};
    const auto widths = [&](int first, const std::vector<int>& of) {
      for (size_t i = 0; i < of.size(); ++i) f.slots[first + i].row_stride = of[i];
    };
    const auto space = [&](int first, const std::vector<int>& of, long count) {
      for (size_t i = 0; i < of.size(); ++i) f.slots[first + i] = {memory(count * of[i]), of[i]};
    };
    widths(0, code.inputs);
    widths(layout.first_state, code.states);
    widths(layout.first_output, code.outputs);
    widths(layout.first_next, code.states);
    space(layout.first_temporary, code.temporaries, rows);
    for (size_t i = 0; i < vectors.size(); ++i) f.slots[layout.first_vector + i] = {const_cast<T*>(vectors[i]), 0};
    for (size_t i = 0; i < immediates.size(); ++i)
      f.slots[layout.first_immediate + i] = {const_cast<T*>(&immediates[i]), 0};
    space(layout.first_local, code.locals, f.tile);
    return f;
  }

  // The lines of one step from `first` on, over so many rows. total(line, tile, row) sums a tile that begins at
  // that row. Companions may be null.
  template <class Total>
  void step(const Frame<T>& f, const std::vector<Packed<T>>& weights, long rows, Companions* companions,
            const Total& total, size_t first = 0) const {
    const auto by_weight = [&](size_t i, const ProductArguments<T>& p) {
      multiply(weights[lines[i].weight], p, companions);
    };
    step_with(f, rows, by_weight, total, first);
  }

  // As `step`; products(line, arguments) does the products.
  template <class Products, class Total>
  void step_with(const Frame<T>& f, long rows, const Products& products, const Total& total, size_t first = 0) const {
    const size_t count = lines.size();
    for (size_t i = first; i < count;) {
      if (!lines[i].call) {
        products(i, product(f, lines[i], rows));
        ++i;
        continue;
      }
      size_t end = i;
      while (end < count && lines[end].call) ++end;
      for (long r = 0; r < rows; r += f.tile)
        for (size_t k = i; k < end; ++k) tile(f, lines[k], r, std::min(f.tile, rows - r), total);
      i = end;
    }
  }

  // Of a line that is a product.
  ProductArguments<T> product(const Frame<T>& f, const SlotLine<T>& line, long rows) const {
    ProductArguments<T> p{rows, {f.at(line.a, 0), f.slots[line.a.slot].row_stride},
                          {f.at(line.d, 0), f.slots[line.d.slot].row_stride}, nullptr, {nullptr, 0}};
    if (line.b.slot >= 0) p.bias = f.at(line.b, 0);
    if (line.c.slot >= 0) p.addend = {f.at(line.c, 0), f.slots[line.c.slot].row_stride};
    return p;
  }

 private:
  SlotLine<T> over_slots(const Line& line) const {
    SlotLine<T> s;
    s.width = line.width;
    s.block = line.block;
    s.count = line.count;
    s.d = layout.operand(line.d);
    s.a = layout.operand(line.a);
    s.b = layout.operand(line.b);
    s.c = layout.operand(line.c);
    s.weight = line.weight;
    if (line.op == Line::product) return s;
    s.call = kernels<T>().instruction[line.op][line.mode];
    if (!s.call) throw std::invalid_argument("loop program: an operation without that form");
    s.mode = line.mode;
    s.flat = line.op < static_cast<int>(Op::sum) && line.parts == 0;
    s.parts = line.parts;
    const bool dot = line.op == static_cast<int>(Op::dot), weigh = line.op == static_cast<int>(Op::weigh);
    s.part_strides[0] = dot ? 1 : weigh ? 0 : line.width;
    for (int k = 0; k < 3; ++k) s.part_strides[k + 1] = line.strides[k];
    s.is_total = line.op == static_cast<int>(Op::total);
    return s;
  }

  template <class Total>
  [[gnu::always_inline]] void tile(const Frame<T>& f, const SlotLine<T>& line, long row, long rows,
                                   const Total& total) const {
    Tile<T> x;
    x.rows = rows;
    x.width = line.width;
    x.block = line.block;
    x.count = line.count;
    x.a = f.at(line.a, row);
    x.as = f.slots[line.a.slot].row_stride;
    if constexpr (!std::is_same_v<Total, NoTotals>)
      if (line.is_total) return total(line, x, row);
    x.d = f.at(line.d, row);
    x.ds = f.slots[line.d.slot].row_stride;
    x.b = x.c = nullptr;
    x.bs = x.cs = 0;
    // one number for all rows of the tile, or rows without gaps
    bool flat = line.flat && rows > 1 && x.ds == x.width && x.as == (line.mode & single_a ? 0 : x.width);
    if (line.b.slot >= 0) {
      x.b = f.at(line.b, row);
      x.bs = f.slots[line.b.slot].row_stride;
      flat = flat && x.bs == (line.mode & single_b ? 0 : x.width);
    }
    if (line.c.slot >= 0) {
      x.c = f.at(line.c, row);
      x.cs = f.slots[line.c.slot].row_stride;
      flat = flat && x.cs == (line.mode & single_c ? 0 : x.width);
    }
    if (line.parts > 0) return over_parts(line, x);
    if (flat) {
      x.width *= rows;
      x.rows = 1;
    }
    line.call(x);
  }

  // Each row of a tile as a tile of its own, of sub-rows.
  static void over_parts(const SlotLine<T>& line, const Tile<T>& x) {
    Tile<T> part = x;
    part.rows = line.parts;
    part.ds = line.part_strides[0];
    part.as = line.part_strides[1];
    part.bs = line.part_strides[2];
    part.cs = line.part_strides[3];
    for (long r = 0; r < x.rows; ++r) {
      part.d = x.d + r * x.ds;
      part.a = x.a + r * x.as;
      if (x.b) part.b = x.b + r * x.bs;
      if (x.c) part.c = x.c + r * x.cs;
      line.call(part);
    }
  }
};

}  // namespace recurra
