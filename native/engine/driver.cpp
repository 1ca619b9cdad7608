#include "driver.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "companions.h"
#include "pick.h"
#include "pool.h"

namespace recurra {
namespace {

// Numbers of a tile's widest row times its rows: the operands of an instruction stay in the
// first-level cache.
constexpr long tile_numbers = 1024;
// A block's own room stays well inside the second-level cache.
constexpr long block_bytes = 384 * 1024;

long pieces(long total, long piece) { return (total + piece - 1) / piece; }

long padded(long count) { return pieces(count, 16) * 16; }

template <class T>
struct Slot {
  T* data;  // read-only slots are never written: LoopProgram::check
  long stride;
};

// One place of an instruction, resolved to a slot.
struct Operand {
  int slot = -1;
  int column = 0;
  bool local = false;  // begins anew with every tile
};

template <class T>
struct Step {
  Instruction<T> call = nullptr;  // null: a product
  Op op = Op::copy;
  long width = 0;
  Operand d, a, b, c;
  int weight = -1;
  int mode = 0;
  bool flat = false;  // rows that lie without gaps may be taken as one long row
};

// What all blocks of rows share during one call.
template <class T>
struct Run {
  const LoopProgram& program;
  const Kernels<T>& kernels;
  std::vector<Step<T>> steps;
  std::vector<Slot<T>> shared;  // slots as the first row of the first step sees them
  std::vector<const T*> packed;
  const int64_t* batch_sizes;
  const std::vector<long>& offsets;
  long time;
  bool reverse;
  const std::vector<Strided<const T>>& initial;
  const std::vector<T*>& finals;
  std::vector<T*> sums;  // of each total: one row of numbers for every `sum_rows` rows
  long sum_rows;
  int first_state, first_output, first_next, first_temporary, first_local;
};

// A product cut into pieces of so many panels, for companions.
template <class T>
struct SharedProduct {
  const Kernels<T>& kernels;
  const T *a, *packed;
  long a_stride, depth, width, rows;
  T* c;
  long c_stride;
  const T *bias, *addend;
  long addend_stride, columns_each;

  static void piece(const void* context, int number) {
    const SharedProduct& s = *static_cast<const SharedProduct*>(context);
    const long n = number * s.columns_each;
    s.kernels.product(s.a, s.a_stride, 1, s.packed + n * s.depth, s.depth, std::min(s.columns_each, s.width - n),
                      s.rows, s.c + n, s.c_stride, s.bias ? s.bias + n : nullptr, s.addend ? s.addend + n : nullptr,
                      s.addend_stride);
  }
};

template <class T>
class Block {
 public:
  // Companions may be null.
  Block(const Run<T>& run, long first, long last, Companions* companions)
      : run_(run), p_(run.program), first_(first), rows_(last - first), slots_(run.shared), companions_(companions) {
    long widest = 1;
    for (const Line& line : p_.lines)
      if (line.op >= 0) widest = std::max<long>(widest, line.width);
    tile_ = std::max<long>(1, std::min(rows_, tile_numbers / widest));
    long room = 0;
    for (int width : p_.states) room += 2 * padded(rows_ * width);
    for (int width : p_.temporaries) room += padded(rows_ * width);
    for (int width : p_.locals) room += padded(tile_ * width);
    T* next = arena<T>(room);
    const auto take = [&](long count) { return std::exchange(next, next + padded(count)); };
    for (size_t j = 0; j < p_.states.size(); ++j) {
      spare_.push_back({take(rows_ * p_.states[j]), take(rows_ * p_.states[j])});
      slots_[run_.first_next + j] = {spare_[j][0], p_.states[j]};
    }
    for (size_t k = 0; k < p_.temporaries.size(); ++k)
      slots_[run_.first_temporary + k] = {take(rows_ * p_.temporaries[k]), p_.temporaries[k]};
    for (size_t k = 0; k < p_.locals.size(); ++k)
      slots_[run_.first_local + k] = {take(tile_ * p_.locals[k]), p_.locals[k]};
  }

  void over_time() {
    active_ = 0;
    for (size_t j = 0; j < p_.states.size(); ++j) begin(j, 0);
    long first = 0, last = run_.time, by = 1;
    if (run_.reverse) {
      first = run_.time - 1;
      last = -1;
      by = -1;
    }
    for (long t = first; t != last; t += by) {
      if (t % 16 == 0) stop_point();
      const long now = std::min<long>(rows_, run_.batch_sizes[t] - first_);
      if (now <= 0) {
        if (run_.reverse) continue;
        break;
      }
      if (now > active_) join(now);
      if (now < active_) leave(now);
      one_step(t);
    }
    leave(0);
    // rows without a step keep their state
    for (size_t j = 0; j < p_.states.size(); ++j)
      copy(j, run_.initial[j].data + (first_ + most_) * run_.initial[j].row_stride, run_.initial[j].row_stride,
           run_.finals[j] + (first_ + most_) * p_.states[j], rows_ - most_);
  }

 private:
  Slot<T>& state(size_t j) { return slots_[run_.first_state + j]; }

  void copy(size_t j, const T* from, long stride, T* to, long rows) {
    const long width = p_.states[j];
    for (long r = 0; r < rows; ++r) std::memcpy(to + r * width, from + r * stride, width * sizeof(T));
  }

  void begin(size_t j, long row) {
    state(j) = {const_cast<T*>(run_.initial[j].data + (first_ + row) * run_.initial[j].row_stride),
                run_.initial[j].row_stride};
  }

  // Rows [active, now) start with their initial state.
  void join(long now) {
    if (active_ > 0) {
      for (size_t j = 0; j < p_.states.size(); ++j) {
        const long width = p_.states[j];
        T* to = state(j).data == spare_[j][1] ? spare_[j][1] : spare_[j][0];
        if (state(j).data != to) copy(j, state(j).data, state(j).stride, to, active_);
        const auto& from = run_.initial[j];
        copy(j, from.data + (first_ + active_) * from.row_stride, from.row_stride, to + active_ * width, now - active_);
        state(j) = {to, width};
        slots_[run_.first_next + j].data = to == spare_[j][0] ? spare_[j][1] : spare_[j][0];
      }
    }
    active_ = now;
    most_ = std::max(most_, now);
  }

  // Rows [now, active) have had their last step.
  void leave(long now) {
    for (size_t j = 0; j < p_.states.size(); ++j)
      copy(j, state(j).data + now * state(j).stride, state(j).stride,
           run_.finals[j] + (first_ + now) * p_.states[j], active_ - now);
    active_ = now;
  }

  void one_step(long t) {
    const long row = run_.offsets[t] + first_;
    for (size_t k = 0; k < p_.inputs.size(); ++k) slots_[k].data = run_.shared[k].data + row * run_.shared[k].stride;
    for (size_t k = 0; k < p_.outputs.size(); ++k) {
      const size_t s = run_.first_output + k;
      slots_[s].data = run_.shared[s].data + row * run_.shared[s].stride;
    }
    const size_t count = run_.steps.size();
    for (size_t i = 0; i < count;) {
      if (!run_.steps[i].call) {
        multiply(run_.steps[i++]);
        continue;
      }
      size_t end = i;
      while (end < count && run_.steps[end].call) ++end;
      for (long r = 0; r < active_; r += tile_)
        for (size_t k = i; k < end; ++k) tile(run_.steps[k], r, std::min(tile_, active_ - r));
      i = end;
    }
    for (size_t j = 0; j < p_.next.size(); ++j) {
      const Place place = p_.next[j];
      if (place.space == Space::output) {
        const Slot<T>& from = slots_[run_.first_output + place.index];
        state(j) = {from.data + place.column, from.stride};
      } else if (place.space == Space::next) {
        Slot<T>& room = slots_[run_.first_next + j];
        state(j) = room;
        room.data = room.data == spare_[j][0] ? spare_[j][1] : spare_[j][0];
      }
    }
  }

  T* at(const Operand& o, long row) const {
    const Slot<T>& slot = slots_[o.slot];
    return slot.data + o.column + (o.local ? 0 : row * slot.stride);
  }

  void multiply(const Step<T>& s) {
    const auto [depth, width] = p_.weights[s.weight];
    SharedProduct<T> product{run_.kernels, at(s.a, 0), run_.packed[s.weight], slots_[s.a.slot].stride, depth, width,
                             active_, at(s.d, 0), slots_[s.d.slot].stride, s.b.slot < 0 ? nullptr : at(s.b, 0),
                             s.c.slot < 0 ? nullptr : at(s.c, 0), s.c.slot < 0 ? 0 : slots_[s.c.slot].stride, width};
    const long panel = run_.kernels.panel, panels = pieces(width, panel);
    const long work = static_cast<long>(depth) * width * active_;
    if (companions_ && panels > 1 && work >= worth_sharing && companions_->awake()) {
      product.columns_each = panel * companions_->panels_each(panels, work);
      return companions_->share(static_cast<int>(pieces(width, product.columns_each)), SharedProduct<T>::piece, &product);
    }
    SharedProduct<T>::piece(&product, 0);
  }

  void tile(const Step<T>& s, long row, long rows) {
    Tile<T> x;
    x.rows = rows;
    x.width = s.width;
    x.a = at(s.a, row);
    x.as = slots_[s.a.slot].stride;
    if (s.op == Op::total) return total(s, x, row);
    x.d = at(s.d, row);
    x.ds = slots_[s.d.slot].stride;
    x.b = x.c = nullptr;
    x.bs = x.cs = 0;
    // one number for all rows of the tile, or rows without gaps
    bool flat = s.flat && rows > 1 && x.ds == x.width && x.as == (s.mode & 4 ? 0 : x.width);
    if (s.b.slot >= 0) {
      x.b = at(s.b, row);
      x.bs = slots_[s.b.slot].stride;
      flat = flat && x.bs == (s.mode & 1 ? 0 : x.width);
    }
    if (s.c.slot >= 0) {
      x.c = at(s.c, row);
      x.cs = slots_[s.c.slot].stride;
      flat = flat && x.cs == (s.mode & 2 ? 0 : x.width);
    }
    if (flat) {
      x.width *= rows;
      x.rows = 1;
    }
    s.call(x);
  }

  // Rows are summed in groups that do not depend on how rows are shared out.
  void total(const Step<T>& s, Tile<T> x, long row) {
    const T* from = x.a;
    for (long r = 0; r < x.rows;) {
      const long global = first_ + row + r, group = global / run_.sum_rows;
      Tile<T> part = x;
      part.rows = std::min(x.rows - r, (group + 1) * run_.sum_rows - global);
      part.a = from + r * x.as;
      part.d = run_.sums[s.d.slot] + group * p_.totals[s.d.slot] + s.d.column;
      s.call(part);
      r += part.rows;
    }
  }

  const Run<T>& run_;
  const LoopProgram& p_;
  const long first_, rows_;
  long active_ = 0, most_ = 0, tile_ = 1;
  std::vector<Slot<T>> slots_;
  std::vector<std::array<T*, 2>> spare_;
  Companions* companions_;
};

// Rows in blocks of about equal work (sums of lengths), boundaries at multiples of `align`.
std::vector<long> share(long rows, const int64_t* batch_sizes, long steps, int blocks, long most, long align) {
  std::vector<long> length(rows, 0);
  for (long t = 0; t < steps; ++t)
    if (batch_sizes[t] > 0) ++length[batch_sizes[t] - 1];
  for (long r = rows - 1; r > 0; --r) length[r - 1] += length[r];
  double left = 0;
  for (long r = 0; r < rows; ++r) left += static_cast<double>(length[r]);
  std::vector<long> bounds{0};
  double taken = 0;
  long row = 0;
  while (row < rows) {
    const long begun = row;
    const int still = std::max(1, blocks - static_cast<int>(bounds.size()) + 1);
    const double goal = left / still;
    taken = 0;
    while (row < rows && row - begun < most) {
      double next = 0;
      const long end = std::min(rows, row + align);
      for (long r = row; r < end; ++r) next += static_cast<double>(length[r]);
      // what brings the block nearer to its goal belongs to it
      if (row > begun && still > 1 && taken + next / 2 > goal) break;
      taken += next;
      row = end;
    }
    left -= taken;
    bounds.push_back(row);
  }
  return bounds;
}

}  // namespace

template <class T>
Driver<T>::Driver(LoopProgram program) : program_(std::move(program)) {
  program_.check();
  for (double value : program_.immediates) immediates_.push_back(static_cast<T>(value));
}

template <class T>
void Driver<T>::run(long rows, const int64_t* batch_sizes, long steps, bool reverse,
                    const std::vector<Strided<const T>>& inputs, const std::vector<Strided<const T>>& initial,
                    const std::vector<WeightView<T>>& weights, const std::vector<const T*>& vectors,
                    const std::vector<T*>& outputs, const std::vector<T*>& finals, const std::vector<T*>& totals,
                    int threads) const {
  const LoopProgram& p = program_;
  if (inputs.size() != p.inputs.size() || initial.size() != p.states.size() || weights.size() != p.weights.size() ||
      vectors.size() != p.vectors.size() || outputs.size() != p.outputs.size() || finals.size() != p.states.size() ||
      totals.size() != p.totals.size())
    throw std::invalid_argument("loop program: wrong number of arrays");
  std::vector<long> offsets(steps);
  long count = 0;
  for (long t = 0; t < steps; ++t) {
    if (batch_sizes[t] < 0 || batch_sizes[t] > (t ? batch_sizes[t - 1] : rows))
      throw std::invalid_argument("loop program: batch sizes must not grow, nor exceed the rows");
    offsets[t] = count;
    count += batch_sizes[t];
  }
  const Kernels<T>& k = kernels<T>();
  Run<T> run{p, k, {}, {}, {}, batch_sizes, offsets, steps, reverse, initial, finals, {}, 1, 0, 0, 0, 0, 0};

  const auto place_all = [&](const std::vector<int>& widths) {
    const int first = static_cast<int>(run.shared.size());
    for (int width : widths) run.shared.push_back({nullptr, width});
    return first;
  };
  for (const auto& input : inputs) run.shared.push_back({const_cast<T*>(input.data), input.row_stride});
  run.first_state = place_all(p.states);
  run.first_output = static_cast<int>(run.shared.size());
  for (size_t o = 0; o < outputs.size(); ++o) run.shared.push_back({outputs[o], p.outputs[o]});
  run.first_next = place_all(p.states);
  run.first_temporary = place_all(p.temporaries);
  const int first_vector = static_cast<int>(run.shared.size());
  for (const T* v : vectors) run.shared.push_back({const_cast<T*>(v), 0});
  const int first_immediate = static_cast<int>(run.shared.size());
  for (const T& value : immediates_) run.shared.push_back({const_cast<T*>(&value), 0});
  run.first_local = place_all(p.locals);

  const auto resolve = [&](Place place) {
    Operand o;
    o.column = place.column;
    switch (place.space) {
      case Space::input: o.slot = place.index; break;
      case Space::state: o.slot = run.first_state + place.index; break;
      case Space::output: o.slot = run.first_output + place.index; break;
      case Space::next: o.slot = run.first_next + place.index; break;
      case Space::temporary: o.slot = run.first_temporary + place.index; break;
      case Space::vector: o.slot = first_vector + place.index; break;
      case Space::immediate: o.slot = first_immediate + place.index; break;
      case Space::local:
        o.slot = run.first_local + place.index;
        o.local = true;
        break;
      case Space::total: o.slot = place.index; break;
      default: break;
    }
    return o;
  };
  for (const Line& line : p.lines) {
    Step<T> s;
    s.width = line.width;
    s.d = resolve(line.d);
    s.a = resolve(line.a);
    s.b = resolve(line.b);
    s.c = resolve(line.c);
    s.weight = line.weight;
    if (line.op >= 0) {
      s.op = static_cast<Op>(line.op);
      s.call = k.instruction[line.op][line.mode];
      s.mode = line.mode;
      s.flat = line.op < static_cast<int>(Op::sum);
      if (!s.call) throw std::invalid_argument("loop program: an operation without that form");
    }
    run.steps.push_back(s);
  }

  // panels of all weights, packed by all threads
  std::vector<Buffer<T>> panels;
  struct Piece {
    size_t weight;
    long first, last;
  };
  std::vector<Piece> work;
  long packed_numbers = 0, largest = 0;
  for (size_t w = 0; w < weights.size(); ++w) {
    const auto [depth, width] = p.weights[w];
    panels.push_back(allocate<T>(k.packed_size(depth, width)));
    run.packed.push_back(panels.back().get());
    packed_numbers += static_cast<long>(depth) * width;
    largest = std::max(largest, static_cast<long>(depth) * width);
    const long span = k.panel * std::max<long>(1, pieces(pieces(width, k.panel), 4));
    for (long n = 0; n < width; n += span) work.push_back({w, n, std::min<long>(width, n + span)});
  }
  run_tasks(static_cast<int>(work.size()), packed_numbers < 100000 ? 1 : threads, [&](int i) {
    const Piece piece = work[i];
    const auto [depth, width] = p.weights[piece.weight];
    const WeightView<T>& view = weights[piece.weight];
    k.pack(view.data, view.depth_stride, view.width_stride, depth, width, piece.first, piece.last,
           panels[piece.weight].get());
  });

  run.sum_rows = rows <= 16 ? 1 : 4;
  const long groups = pieces(rows, run.sum_rows);
  std::vector<std::vector<T>> sums;
  for (int width : p.totals) {
    sums.emplace_back(groups * width, T(0));
    run.sums.push_back(sums.back().data());
  }

  long row_numbers = 1;
  for (int width : p.states) row_numbers += 3L * width;
  for (int width : p.temporaries) row_numbers += width;
  const long align = p.totals.empty() ? 1 : run.sum_rows;
  const long most = pieces(std::max<long>(12, block_bytes / static_cast<long>(sizeof(T)) / row_numbers), 12) * 12;
  const std::vector<long> bounds = share(rows, batch_sizes, steps, threads, most, align);
  const int blocks = static_cast<int>(bounds.size()) - 1;
  if (blocks == 1 && threads > 1 && largest * rows >= worth_sharing) {
    // rows too few to be shared out: the products of each step are
    const CompanionsGuard companions(threads, static_cast<double>(packed_numbers) * count >= long_call);
    Block<T>(run, 0, rows, companions.get()).over_time();
  } else {
    run_tasks(blocks, threads, [&](int i) { Block<T>(run, bounds[i], bounds[i + 1], nullptr).over_time(); });
  }

  for (size_t o = 0; o < totals.size(); ++o) {
    std::fill(totals[o], totals[o] + p.totals[o], T(0));
    k.add_rows(sums[o].data(), p.totals[o], groups, p.totals[o], totals[o]);
  }
}

template class Driver<float>;
template class Driver<double>;

}  // namespace recurra
