// Every instruction in every mode, over rows of any width with memory that ends where they end.
#include <limits>

#include "check.h"
#include "engine/pick.h"

namespace recurra::tests {
namespace {

template <class T>
void run(Op op, int operands, int mode, long width, long rows) {
  const Instruction<T> call = kernels<T>().instruction[static_cast<int>(op)][mode];
  if (!call) return;
  Random random;
  const auto room = [&](bool one) { return random.numbers<T>(one ? 1 : width); };
  // one number for all rows, or a row each without gaps
  const std::vector<T> a = mode & single_a ? room(true) : random.numbers<T>(rows * width);
  const std::vector<T> b = mode & single_b ? random.numbers<T>(rows) : random.numbers<T>(rows * width);
  const std::vector<T> c = mode & single_c ? random.numbers<T>(rows) : room(false);
  const bool narrow = op == Op::sum || op == Op::amax || op == Op::amin || op == Op::norm;
  auto d = fresh<T>(rows * (narrow ? 1 : width));
  if (op == Op::total) d.assign(static_cast<size_t>(width), T(0));
  Tile<T> x{};
  x.rows = rows;
  x.width = width;
  x.d = d.data();
  x.ds = op == Op::total ? 0 : narrow ? 1 : width;
  x.a = a.data();
  x.as = mode & single_a ? 0 : width;
  x.b = operands > 1 ? b.data() : nullptr;
  x.bs = operands > 1 ? (mode & single_b ? 1 : width) : 0;
  x.c = operands > 2 ? c.data() : nullptr;
  x.cs = operands > 2 ? (mode & single_c ? 1 : 0) : 0;
  call(x);
  const auto at = [&](long r, long j) { return double(a[static_cast<size_t>(mode & single_a ? 0 : r * width + j)]); };
  const auto other = [&](long r, long j) { return double(b[static_cast<size_t>(mode & single_b ? r : r * width + j)]); };
  const auto third = [&](long r, long j) { return double(c[static_cast<size_t>(mode & single_c ? r : j)]); };
  for (long r = 0; r < rows && !narrow && op != Op::total; ++r)
    for (long j = 0; j < width; ++j) {
      const double found = d[static_cast<size_t>(r * width + j)];
      if (op == Op::add) CHECK_CLOSE(found, at(r, j) + other(r, j), 1e-6);
      if (op == Op::copy) CHECK_CLOSE(found, at(r, j), 0);
      if (op == Op::tanh) CHECK_CLOSE(found, std::tanh(at(r, j)), 1e-6);
      if (op == Op::exp) CHECK_CLOSE(found, std::exp(at(r, j)), 1e-6);
      if (op == Op::muladd) CHECK_CLOSE(found, at(r, j) * other(r, j) + third(r, j), 1e-6);
      if (op == Op::where) CHECK_CLOSE(found, at(r, j) != 0 ? other(r, j) : third(r, j), 0);
    }
  for (long r = 0; r < rows && narrow; ++r) {
    double expected = op == Op::norm ? std::fabs(at(r, 0)) : at(r, 0);
    for (long j = 1; j < width; ++j)
      expected = op == Op::sum    ? expected + at(r, j)
                 : op == Op::norm ? std::hypot(expected, at(r, j))
                 : op == Op::amax ? std::fmax(expected, at(r, j))
                                  : std::fmin(expected, at(r, j));
    CHECK_CLOSE(d[static_cast<size_t>(r)], expected, 1e-5);
  }
  for (long j = 0; j < width && op == Op::total; ++j) {
    double expected = 0;
    for (long r = 0; r < rows; ++r) expected += at(r, j);
    CHECK_CLOSE(d[static_cast<size_t>(j)], expected, 1e-5);
  }
}

template <class T>
void run_all() {
  for (long width : {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 100})
    for (long rows : {1, 3})
      for (int mode = 0; mode < modes; ++mode) {
#define R(name, operands) run<T>(Op::name, operands, mode, width, rows);
        RECURRA_POINTWISE(R)
        RECURRA_ROWWISE(R)
#undef R
      }
}

TEST(instructions_in_float32) { run_all<float>(); }
TEST(instructions_in_float64) { run_all<double>(); }

// Where no number is the answer, and at the ends of what a float32 holds.
TEST(special_numbers) {
  const float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> x{nan, infinity, -infinity, 0.0f, -0.0f, 1e30f, -1e30f, 1e-40f, -1e-40f, 88.8f, -104.0f};
  const auto of = [&](Op op, double (*expected)(double)) {
    auto d = fresh<float>(static_cast<long>(x.size()));
    Tile<float> tile{};
    tile.rows = 1;
    tile.width = static_cast<long>(x.size());
    tile.d = d.data();
    tile.a = x.data();
    kernels<float>().instruction[static_cast<int>(op)][0](tile);
    for (size_t i = 0; i < x.size(); ++i) {
      const auto wanted = static_cast<float>(expected(x[i]));
      if (std::isnan(wanted)) {
        CHECK(std::isnan(d[i]));
      } else if (std::isinf(wanted)) {
        CHECK(d[i] == wanted);
      } else {
        CHECK_CLOSE(d[i], wanted, 1e-5);
        if (wanted == 0) CHECK(std::signbit(d[i]) == std::signbit(wanted));
      }
    }
  };
  of(Op::exp, [](double v) { return std::exp(v); });
  of(Op::expm1, [](double v) { return std::expm1(v); });
  of(Op::tanh, [](double v) { return std::tanh(v); });
  of(Op::log, [](double v) { return std::log(v); });
  of(Op::log1p, [](double v) { return std::log1p(v); });
  of(Op::sigmoid, [](double v) { return 1 / (1 + std::exp(-v)); });
}

// The norm of numbers whose squares no float32 holds.
TEST(norm_of_small_and_large_numbers) {
  for (float scale : {1e-38f, 1e-30f, 1.0f, 1e30f}) {
    const std::vector<float> x(9, scale);
    float d = 0;
    Tile<float> tile{};
    tile.rows = 1;
    tile.width = 9;
    tile.d = &d;
    tile.a = x.data();
    kernels<float>().instruction[static_cast<int>(Op::norm)][0](tile);
    CHECK_CLOSE(d / scale, 3.0, 1e-5);
  }
}

// The instructions between a row [outer, count, block] and a row [outer, block], and by column.
template <class T>
void parts(long outer, long count, long block, long rows) {
  const long narrow = outer * block, wide = narrow * count;
  Random random;
  const std::vector<T> a = random.numbers<T>(rows * narrow), all = random.numbers<T>(rows * wide);
  const auto call = [&](Op op, const std::vector<T>& from, long from_width, std::vector<T>& to, long to_width) {
    Tile<T> x{};
    x.rows = rows;
    x.width = wide;
    x.block = block;
    x.count = count;
    x.a = from.data();
    x.as = from_width;
    x.d = to.data();
    x.ds = to_width;
    kernels<T>().instruction[static_cast<int>(op)][0](x);
  };
  auto more = fresh<T>(rows * wide), sums = fresh<T>(rows * narrow), largest = fresh<T>(rows * narrow);
  call(Op::repeat, a, narrow, more, wide);
  call(Op::sum_parts, all, wide, sums, narrow);
  call(Op::amax_parts, all, wide, largest, narrow);
  for (long r = 0; r < rows; ++r)
    for (long o = 0; o < outer; ++o)
      for (long i = 0; i < block; ++i) {
        double sum = 0, best = -1e9;
        const size_t place = static_cast<size_t>(r * narrow + o * block + i);
        for (long k = 0; k < count; ++k) {
          const size_t at = static_cast<size_t>(r * wide + (o * count + k) * block + i);
          sum += double(all[at]);
          best = std::fmax(best, double(all[at]));
          CHECK_CLOSE(more[at], double(a[place]), 0);
        }
        CHECK_CLOSE(sums[place], sum, 1e-5);
        CHECK_CLOSE(largest[place], best, 0);
      }
}

// Columns that point anywhere, beyond the row too, touch no other memory.
template <class T>
void columns(long width, long count, long rows) {
  Random random;
  const std::vector<T> a = random.numbers<T>(rows * width), back = random.numbers<T>(rows * count);
  std::vector<T> places(static_cast<size_t>(count));
  for (long i = 0; i < count; ++i) places[static_cast<size_t>(i)] = static_cast<T>((i * 7) % width);
  const auto call = [&](Op op, const std::vector<T>& from, long from_width, std::vector<T>& to, long to_width) {
    Tile<T> x{};
    x.rows = rows;
    x.width = count;
    x.block = width;
    x.a = from.data();
    x.as = from_width;
    x.b = places.data();
    x.d = to.data();
    x.ds = to_width;
    kernels<T>().instruction[static_cast<int>(op)][0](x);
  };
  auto to = fresh<T>(rows * count), sums = fresh<T>(rows * width);
  call(Op::gather, a, width, to, count);
  call(Op::scatter_add, back, count, sums, width);
  std::vector<double> expected(static_cast<size_t>(rows * width), 0.0);
  for (long r = 0; r < rows; ++r)
    for (long i = 0; i < count; ++i) {
      const size_t from = static_cast<size_t>(r * width + (i * 7) % width);
      CHECK_CLOSE(to[static_cast<size_t>(r * count + i)], double(a[from]), 0);
      expected[from] += double(back[static_cast<size_t>(r * count + i)]);
    }
  for (size_t i = 0; i < expected.size(); ++i) CHECK_CLOSE(sums[i], expected[i], 1e-5);
  for (T& place : places) place = std::numeric_limits<T>::quiet_NaN();
  places[0] = T(-5);
  places.back() = T(1e30);
  call(Op::gather, a, width, to, count);
  call(Op::scatter_add, back, count, sums, width);
}

// `dot` and `weigh` over sub-rows: all numbers of one operand, and of the other all, the same ones or one each.
template <class T>
void sums_of_products(long parts, long width) {
  Random random;
  const std::vector<T> a = random.numbers<T>(parts * width), b = random.numbers<T>(parts * width);
  for (int mode : {0, single_a, single_b})
    for (Op op : {Op::dot, Op::weigh}) {
      const Instruction<T> call = kernels<T>().instruction[static_cast<int>(op)][mode];
      if (!call) continue;
      for (long stride : {long(0), width}) {
        const auto step = [&](int single) { return mode & single ? 1 : stride; };
        auto d = fresh<T>(op == Op::dot ? parts : width);
        Tile<T> x{};
        x.rows = parts;
        x.width = width;
        x.d = d.data();
        x.ds = op == Op::dot ? 1 : 0;
        x.a = a.data();
        x.as = mode & single_a ? 1 : width;
        x.b = b.data();
        x.bs = step(single_b);
        call(x);
        std::vector<double> expected(d.size(), 0.0);
        for (long r = 0; r < parts; ++r)
          for (long j = 0; j < width; ++j) {
            const double one = a[static_cast<size_t>(mode & single_a ? r : r * width + j)];
            const double other = b[static_cast<size_t>(mode & single_b ? r : r * stride + j)];
            expected[static_cast<size_t>(op == Op::dot ? r : j)] += one * other;
          }
        for (size_t i = 0; i < d.size(); ++i) CHECK_CLOSE(d[i], expected[i], 1e-5);
      }
    }
}

TEST(sums_of_products_over_parts) {
  for (long parts : {1, 2, 7, 40})
    for (long width : {1, 3, 8, 16, 20, 37}) {
      sums_of_products<float>(parts, width);
      sums_of_products<double>(parts, width);
    }
}

TEST(parts_of_rows_and_columns) {
  for (long outer : {1, 3})
    for (long count : {1, 2, 5, 40})
      for (long block : {1, 3, 16, 21})
        for (long rows : {1, 4}) {
          parts<float>(outer, count, block, rows);
          parts<double>(outer, count, block, rows);
        }
  for (long width : {1, 5, 130})
    for (long count : {1, 64, 65, 200}) {
      columns<float>(width, count, 3);
      columns<double>(width, count, 3);
    }
}

}  // namespace
}  // namespace recurra::tests
