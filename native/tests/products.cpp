#include "check.h"
#include "engine/gemm.h"
#include "engine/packed.h"

namespace recurra::tests {
namespace {

// c = a @ b + bias, then the same added again, against plain sums; arrays are exactly as large as they must be.
template <class T>
void product(long rows, long depth, long width, bool a_turned, bool b_turned, double tolerance) {
  Random random;
  const auto a = random.numbers<T>(rows * depth), b = random.numbers<T>(depth * width), bias = random.numbers<T>(width);
  const Matrix<const T> left = a_turned ? Matrix<const T>{a.data(), 1, rows} : Matrix<const T>{a.data(), depth, 1};
  const Matrix<const T> right = b_turned ? Matrix<const T>{b.data(), 1, depth} : Matrix<const T>{b.data(), width, 1};
  std::vector<T> first;
  for (int threads = 1; threads <= 8; ++threads) {
    auto c = fresh<T>(rows * width);
    gemm<T>(rows, depth, width, left, right, bias.data(), c.data(), width, false, threads);
    if (first.empty()) {
      first = c;
      for (long r = 0; r < rows; ++r)
        for (long j = 0; j < width; ++j) {
          double sum = bias[j];
          for (long k = 0; k < depth; ++k)
            sum += double(left.data[r * left.row_stride + k * left.column_stride]) *
                   double(right.data[k * right.row_stride + j * right.column_stride]);
          CHECK_CLOSE(c[r * width + j], sum, tolerance);
        }
    }
    CHECK(c == first);
    gemm<T>(rows, depth, width, left, right, nullptr, c.data(), width, true, threads);
    for (long i = 0; i < rows * width; ++i) CHECK_CLOSE(c[i], 2 * double(first[i]) - bias[i % width], 2 * tolerance);
  }
}

TEST(products_of_any_shape) {
  const long sizes[][3] = {{1, 1, 1}, {2, 3, 5}, {7, 17, 33}, {6, 256, 64}, {13, 257, 65}, {61, 1, 70}, {2, 0, 3},
                           {0, 4, 4}, {300, 30, 100}, {9, 600, 17}, {64, 64, 300}};
  for (const auto& [rows, depth, width] : sizes)
    for (bool a : {false, true})
      for (bool b : {false, true}) {
        product<float>(rows, depth, width, a, b, 1e-5);
        product<double>(rows, depth, width, a, b, 1e-13);
      }
}

// To the last bit: of as many rows as are in a block or more, of widths that end anywhere in a vector or a panel.
template <class T>
void rows_alone() {
  Random random;
  constexpr long depth = 300;
  const auto bias = random.numbers<T>(150);
  for (long width : {1, 2, 3, 4, 5, 8, 9, 15, 16, 17, 31, 33, 64, 65, 100, 150}) {
    const auto b = random.numbers<T>(depth * width);
    const Matrix<const T> right{b.data(), width, 1};
    for (long rows : {2, 3, 4, 5, 6, 7, 13}) {
      const auto a = random.numbers<T>(rows * depth);
      auto together = fresh<T>(rows * width), alone = fresh<T>(rows * width);
      gemm<T>(rows, depth, width, Matrix<const T>{a.data(), depth, 1}, right, bias.data(), together.data(), width,
              false, 1);
      for (long r = 0; r < rows; ++r)
        gemm<T>(1, depth, width, Matrix<const T>{a.data() + r * depth, depth, 1}, right, bias.data(),
                alone.data() + r * width, width, false, 1);
      CHECK(together == alone);
    }
  }
}

TEST(a_row_alone_is_a_row_among_others) {
  rows_alone<float>();
  rows_alone<double>();
}

// To the last bit: packed and multiplied panel by panel, or all at once.
template <class T>
void panels_alone(WeightKind kind, bool turned) {
  Random random;
  const auto a = random.numbers<T>(5 * 37), bias = random.numbers<T>(300), added = random.numbers<T>(5 * 300);
  for (long depth : {1, 2, 37})
    for (long width : {1, 17, 64, 65, 300}) {
      const auto w = random.numbers<T>(depth * width);
      const Matrix<const T> plain{w.data(), width, 1}, matrix = turned ? Matrix<const T>{w.data(), 1, depth} : plain;
      Packed<T> whole(depth, width, kind), cut(depth, width, kind);
      whole.pack(matrix, 0, whole.panels());
      for (long p = cut.panels() - 1; p >= 0; --p) cut.pack(matrix, p, p + 1);
      for (long rows : {1, 2, 5}) {
        auto one = fresh<T>(rows * width), other = fresh<T>(rows * width);
        whole.product(0, whole.panels(), {rows, {a.data(), 37}, {one.data(), width}, bias.data(), {added.data(), 300}});
        for (long p = 0; p < cut.panels(); ++p)
          cut.product(p, p + 1, {rows, {a.data(), 37}, {other.data(), width}, bias.data(), {added.data(), 300}});
        CHECK(one == other);
      }
    }
}

TEST(a_panel_alone_is_a_panel_among_others) {
  for (bool turned : {false, true}) {
    for (WeightKind kind : {WeightKind::full, WeightKind::bfloat16, WeightKind::int8}) panels_alone<float>(kind, turned);
    panels_alone<double>(WeightKind::full, turned);
  }
}

TEST(sums_of_columns) {
  Random random;
  for (long rows : {0, 1, 255, 257, 1000})
    for (long width : {1, 3, 17, 130}) {
      const auto x = random.numbers<float>(rows * width);
      std::vector<float> first;
      for (int threads = 1; threads <= 8; ++threads) {
        auto sums = fresh<float>(width);
        column_sums<float>(x.data(), width, rows, width, sums.data(), threads);
        if (first.empty()) first = sums;
        CHECK(sums == first);
      }
      for (long j = 0; j < width; ++j) {
        double sum = 0;
        for (long r = 0; r < rows; ++r) sum += x[r * width + j];
        CHECK_CLOSE(first[j], sum, 1e-4);
      }
    }
}

}  // namespace
}  // namespace recurra::tests
