// A small recurrence that uses every space of a program, and the same as plain loops.
#pragma once
#include <algorithm>

#include "check.h"
#include "engine/program.h"

namespace recurra::tests {

// z = tanh(x + h @ W + b);  h' = y = z + 0.1 * sum(z);  c' = c + y;  k' = k;  total = the sum of all z
inline LoopProgram recurrence(int width, bool totals) {
  const Place none{Space::none, 0, 0}, x{Space::input, 0, 0}, h{Space::state, 0, 0}, c{Space::state, 1, 0};
  const Place y{Space::output, 0, 0}, sums{Space::temporary, 0, 0}, z{Space::local, 0, 0}, one{Space::local, 1, 0};
  const Place tenth{Space::immediate, 0, 0}, next_c{Space::next, 1, 0};
  LoopProgram p;
  p.inputs = {width};
  p.states = {width, width, 1};
  p.outputs = {width};
  p.temporaries = {width};
  p.vectors = {width};
  p.locals = {width, 1};
  p.weights = {{width, width}};
  p.immediates = {0.1};
  const auto op = [](Op name) { return static_cast<int>(name); };
  p.lines = {
      {-1, width, 0, sums, h, {Space::vector, 0, 0}, x, 0},
      {op(Op::tanh), width, 0, z, sums, none, none, -1},
      {op(Op::sum), width, 0, one, z, none, none, -1},
      {op(Op::mul), 1, 1, one, one, tenth, none, -1},
      {op(Op::add), width, 1, y, z, one, none, -1},
      {op(Op::add), width, 0, next_c, c, y, none, -1},
  };
  if (totals) {
    p.totals = {width};
    p.lines.push_back({op(Op::total), width, 0, {Space::total, 0, 0}, z, none, none, -1});
  }
  p.next = {y, next_c, {Space::state, 2, 0}};
  return p;
}

// Arguments and results of one run, arrays exactly as large as they must be.
template <class T>
struct Run {
  int width;
  std::vector<int64_t> sizes;  // rows at each step
  long rows, count = 0;
  std::vector<T> x, weight, bias, h, c, k, y, last_h, last_c, last_k, total;

  Run(int width, std::vector<long> lengths) : width(width), rows(static_cast<long>(lengths.size())) {
    const long steps = lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end());
    for (long t = 0; t < steps; ++t)
      sizes.push_back(std::count_if(lengths.begin(), lengths.end(), [&](long n) { return n > t; }));
    for (int64_t size : sizes) count += size;
    Random random;
    x = random.numbers<T>(count * width);
    weight = random.numbers<T>(static_cast<long>(width) * width);
    for (T& w : weight) w /= static_cast<T>(std::sqrt(width));
    bias = random.numbers<T>(width);
    h = random.numbers<T>(rows * width);
    c = random.numbers<T>(rows * width);
    k = random.numbers<T>(rows);
    clear();
  }

  void clear() {
    y = fresh<T>(count * width);
    last_h = fresh<T>(rows * width);
    last_c = fresh<T>(rows * width);
    last_k = fresh<T>(rows);
    total = fresh<T>(width);
  }

  // The results by plain loops, in double.
  void plain(bool reverse) {
    clear();
    std::vector<double> sum(static_cast<size_t>(width), 0.0), z(static_cast<size_t>(width));
    for (long r = 0; r < rows; ++r) {
      std::vector<double> state(h.begin() + r * width, h.begin() + (r + 1) * width);
      std::vector<double> memory(c.begin() + r * width, c.begin() + (r + 1) * width);
      const auto length = std::count_if(sizes.begin(), sizes.end(), [&](int64_t size) { return size > r; });
      for (long step = 0; step < length; ++step) {
        const long t = reverse ? length - 1 - step : step;
        long row = r;
        for (long before = 0; before < t; ++before) row += sizes[static_cast<size_t>(before)];
        double all = 0;
        for (long j = 0; j < width; ++j) {
          double s = double(x[row * width + j]) + double(bias[j]);
          for (long i = 0; i < width; ++i) s += state[i] * double(weight[i * width + j]);
          z[j] = std::tanh(s);
          all += z[j];
          sum[j] += z[j];
        }
        for (long j = 0; j < width; ++j) {
          state[j] = z[j] + 0.1 * all;
          memory[j] += state[j];
          y[row * width + j] = static_cast<T>(state[j]);
        }
      }
      for (long j = 0; j < width; ++j) {
        last_h[r * width + j] = static_cast<T>(state[j]);
        last_c[r * width + j] = static_cast<T>(memory[j]);
      }
      last_k[r] = k[r];
    }
    for (long j = 0; j < width; ++j) total[j] = static_cast<T>(sum[j]);
  }
};

}  // namespace recurra::tests
