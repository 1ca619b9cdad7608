#include "driver.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "buffer.h"
#include "companions.h"
#include "packed.h"
#include "pieces.h"
#include "pool.h"

namespace recurra {
namespace {

// A block's own memory stays well inside the second-level cache.
constexpr long block_bytes = 384 * 1024;

long padded(long count) { return pieces(count, 16) * 16; }

// What all blocks of rows share during one call.
template <class T>
struct Run {
  const Interpreter<T>& interpreter;
  const std::vector<Packed<T>>& weights;
  const int64_t* batch_sizes;
  const std::vector<long>& offsets;
  long time;
  bool reverse;
  const std::vector<Strided<const T>>&inputs, &initial;
  const std::vector<const T*>& vectors;
  const std::vector<T*>&outputs, &finals;
  std::vector<T*> sums;  // of each total: one row of numbers for every `sum_rows` rows
  long sum_rows;
};

template <class T>
class Block {
 public:
  // Companions may be null.
  Block(const Run<T>& run, long first, long last, Companions* companions)
      : run_(run), p_(run.interpreter.code), first_(first), rows_(last - first), companions_(companions) {
    const long tile = run.interpreter.tile_rows(rows_);
    long numbers = 0;
    for (int width : p_.states) numbers += 2 * padded(rows_ * width);
    for (int width : p_.temporaries) numbers += padded(rows_ * width);
    for (int width : p_.locals) numbers += padded(tile * width);
    T* free = arena<T>(numbers);
    const auto take = [&](long count) { return std::exchange(free, free + padded(count)); };
    for (int width : p_.states) spare_.push_back({take(rows_ * width), take(rows_ * width)});
    frame_ = run.interpreter.frame(rows_, run.vectors, take);
    for (size_t k = 0; k < p_.inputs.size(); ++k) frame_.slots[k].row_stride = run.inputs[k].row_stride;
    for (size_t j = 0; j < p_.states.size(); ++j) next(j).data = spare_[j][0];
  }

  void over_time() {
    active_ = 0;
    for (size_t j = 0; j < p_.states.size(); ++j) begin(j);
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
      step(t);
    }
    leave(0);
    // rows without a step keep their state
    for (size_t j = 0; j < p_.states.size(); ++j)
      copy(j, run_.initial[j].data + (first_ + most_) * run_.initial[j].row_stride, run_.initial[j].row_stride,
           run_.finals[j] + (first_ + most_) * p_.states[j], rows_ - most_);
  }

 private:
  Strided<T>& state(size_t j) { return frame_.slots[run_.interpreter.layout.first_state + j]; }
  Strided<T>& next(size_t j) { return frame_.slots[run_.interpreter.layout.first_next + j]; }
  Strided<T>& output(size_t k) { return frame_.slots[run_.interpreter.layout.first_output + k]; }

  T* other(size_t j, const T* one) const { return one == spare_[j][0] ? spare_[j][1] : spare_[j][0]; }

  void copy(size_t j, const T* from, long stride, T* to, long rows) {
    const long width = p_.states[j];
    for (long r = 0; r < rows; ++r) std::memcpy(to + r * width, from + r * stride, width * sizeof(T));
  }

  void begin(size_t j) {
    const auto& from = run_.initial[j];
    state(j) = {const_cast<T*>(from.data + first_ * from.row_stride), from.row_stride};
  }

  // Rows [active, now) start with their initial state.
  void join(long now) {
    if (active_ > 0) {
      for (size_t j = 0; j < p_.states.size(); ++j) {
        const long width = p_.states[j];
        T* to = state(j).data == spare_[j][1] ? spare_[j][1] : spare_[j][0];
        if (state(j).data != to) copy(j, state(j).data, state(j).row_stride, to, active_);
        const auto& from = run_.initial[j];
        copy(j, from.data + (first_ + active_) * from.row_stride, from.row_stride, to + active_ * width, now - active_);
        state(j) = {to, width};
        next(j).data = other(j, to);
      }
    }
    active_ = now;
    most_ = std::max(most_, now);
  }

  // Rows [now, active) have had their last step.
  void leave(long now) {
    for (size_t j = 0; j < p_.states.size(); ++j)
      copy(j, state(j).data + now * state(j).row_stride, state(j).row_stride,
           run_.finals[j] + (first_ + now) * p_.states[j], active_ - now);
    active_ = now;
  }

  void step(long t) {
    const long row = run_.offsets[t] + first_;
    for (size_t k = 0; k < p_.inputs.size(); ++k)
      frame_.slots[k].data = const_cast<T*>(run_.inputs[k].data + row * run_.inputs[k].row_stride);
    for (size_t k = 0; k < p_.outputs.size(); ++k) output(k).data = run_.outputs[k] + row * p_.outputs[k];
    run_.interpreter.step(frame_, run_.weights, active_, companions_,
                          [this](const SlotLine<T>& line, const Tile<T>& x, long first) { total(line, x, first); });
    for (size_t j = 0; j < p_.next.size(); ++j) {
      const Place place = p_.next[j];
      if (place.space == Space::output) {
        state(j) = {output(place.index).data + place.column, output(place.index).row_stride};
      } else if (place.space == Space::next) {
        state(j) = next(j);
        next(j).data = other(j, next(j).data);
      }
    }
  }

  // Rows are summed in groups that do not depend on how rows are shared out.
  void total(const SlotLine<T>& line, const Tile<T>& x, long row) const {
    for (long r = 0; r < x.rows;) {
      const long global = first_ + row + r, group = global / run_.sum_rows;
      Tile<T> part = x;
      part.rows = std::min(x.rows - r, (group + 1) * run_.sum_rows - global);
      part.a = x.a + r * x.as;
      part.d = run_.sums[line.d.slot] + group * p_.totals[line.d.slot] + line.d.column;
      line.call(part);
      r += part.rows;
    }
  }

  const Run<T>& run_;
  const LoopProgram& p_;
  const long first_, rows_;
  long active_ = 0, most_ = 0;
  Frame<T> frame_;
  std::vector<std::array<T*, 2>> spare_;  // of each state: its next value goes to them by turns
  Companions* companions_;
};

// Rows in blocks of about equal work (sums of lengths), boundaries at multiples of `align`.
std::vector<long> share(long rows, const int64_t* batch_sizes, long steps, int blocks, long most, long align) {
  std::vector<long> length(rows, 0);
  for (long t = 0; t < steps; ++t)
    if (batch_sizes[t] > 0) ++length[batch_sizes[t] - 1];
  for (long r = rows - 1; r > 0; --r) length[r - 1] += length[r];
  double work_left = 0;
  for (long r = 0; r < rows; ++r) work_left += static_cast<double>(length[r]);
  std::vector<long> bounds{0};
  long row = 0;
  while (row < rows) {
    const long first = row;
    const int blocks_left = std::max(1, blocks - static_cast<int>(bounds.size()) + 1);
    const double goal = work_left / blocks_left;
    double work = 0;
    while (row < rows && row - first < most) {
      double more = 0;
      const long end = std::min(rows, row + align);
      for (long r = row; r < end; ++r) more += static_cast<double>(length[r]);
      // what brings the block nearer to its goal belongs to it
      if (row > first && blocks_left > 1 && work + more / 2 > goal) break;
      work += more;
      row = end;
    }
    work_left -= work;
    bounds.push_back(row);
  }
  return bounds;
}

}  // namespace

long count_rows(long rows, const int64_t* batch_sizes, long steps) {
  long count = 0;
  for (long t = 0; t < steps; ++t) {
    if (batch_sizes[t] < 0 || batch_sizes[t] > (t ? batch_sizes[t - 1] : rows))
      throw std::invalid_argument("loop program: batch sizes must not grow, nor exceed the rows");
    count += batch_sizes[t];
  }
  return count;
}

template <class T>
std::vector<Packed<T>> packed_weights(const LoopProgram& p, const std::vector<Matrix<const T>>& weights, int threads,
                                      long& numbers, long& largest) {
  std::vector<Packed<T>> packed;
  packed.reserve(weights.size());
  struct Piece {
    size_t weight;
    long first, last;  // panels
  };
  std::vector<Piece> work;
  numbers = largest = 0;
  for (size_t w = 0; w < weights.size(); ++w) {
    const auto [depth, width] = p.weights[w];
    packed.emplace_back(depth, width);
    numbers += packed[w].work();
    largest = std::max(largest, packed[w].work());
    const long panels = packed[w].panels(), span = std::max<long>(1, pieces(panels, 4));
    for (long n = 0; n < panels; n += span) work.push_back({w, n, std::min(panels, n + span)});
  }
  run_tasks(static_cast<int>(work.size()), numbers < 100000 ? 1 : threads, [&](int i) {
    const Piece& piece = work[i];
    packed[piece.weight].pack(weights[piece.weight], piece.first, piece.last);
  });
  return packed;
}

template std::vector<Packed<float>> packed_weights(const LoopProgram&, const std::vector<Matrix<const float>>&, int, long&,
                                                   long&);
template std::vector<Packed<double>> packed_weights(const LoopProgram&, const std::vector<Matrix<const double>>&, int,
                                                    long&, long&);

template <class T>
Driver<T>::Driver(LoopProgram program) : interpreter_(std::move(program)) {}

template <class T>
void Driver<T>::run(long rows, const int64_t* batch_sizes, long steps, bool reverse,
                    const std::vector<Strided<const T>>& inputs, const std::vector<Strided<const T>>& initial,
                    const std::vector<Matrix<const T>>& weights, const std::vector<const T*>& vectors,
                    const std::vector<T*>& outputs, const std::vector<T*>& finals, const std::vector<T*>& totals,
                    int threads) const {
  const LoopProgram& p = interpreter_.code;
  if (inputs.size() != p.inputs.size() || initial.size() != p.states.size() || weights.size() != p.weights.size() ||
      vectors.size() != p.vectors.size() || outputs.size() != p.outputs.size() || finals.size() != p.states.size() ||
      totals.size() != p.totals.size())
    throw std::invalid_argument("loop program: wrong number of arrays");
  const long count = count_rows(rows, batch_sizes, steps);
  std::vector<long> offsets(steps);
  for (long t = 1; t < steps; ++t) offsets[t] = offsets[t - 1] + batch_sizes[t - 1];

  long packed_numbers = 0, largest = 0;
  const std::vector<Packed<T>> packed = packed_weights(p, weights, threads, packed_numbers, largest);

  Run<T> run{interpreter_, packed,  batch_sizes, offsets, steps, reverse, inputs,
             initial,      vectors, outputs,     finals,  {},    rows <= 16 ? 1 : 4};
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
    kernels<T>().add_rows(sums[o].data(), p.totals[o], groups, p.totals[o], totals[o]);
  }
}

template class Driver<float>;
template class Driver<double>;

}  // namespace recurra
