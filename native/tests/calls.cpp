#include "check.h"
#include "engine/call.h"
#include "recurrence.h"

namespace recurra::tests {
namespace {

// raw [N, 2w + 1] -> x = raw[:, 1 : 1 + d] @ first + bias in a buffer, then the recurrence; after it
// gradients first' = raw^T @ y and hidden' = x^T @ y (its columns whole), back += y @ first^T, and the sum of y.
struct Around {
  int width, depth;

  int raw_width() const { return 2 * width + 1; }

  CallPlan plan() const {
    CallPlan p;
    p.tensors = {raw_width(), width, raw_width()};  // raw, y, back
    p.buffers = {{width}, {}};                      // x
    p.inputs = {3};
    p.outputs = {1};
    p.vectors = {width};
    p.weights = {{depth, width}, {width, width}};
    p.loop_weights = {{1, false}};
    p.hoisted = {{0, 1, depth, 0, false, 0, 3, 0, false}};
    p.input_gradients = {{1, 0, width, 0, true, -1, 2, 1, true}};
    p.weight_gradients = {{0, 1, 1, 0, false}, {3, 0, 1, 1, false}, {3, 0, 1, 1, true}};
    p.sums = {1};
    return p;
  }
};

template <class T>
void around(int width, const std::vector<long>& lengths, double tolerance) {
  const Around shape{width, width + 1};
  const long depth = shape.depth, raw_width = shape.raw_width();
  Run<T> run(width, lengths), expected(width, lengths);
  Random random;
  const std::vector<T> raw = random.numbers<T>(run.count * raw_width), first = random.numbers<T>(depth * width);
  for (long r = 0; r < run.count; ++r)
    for (long j = 0; j < width; ++j) {
      double sum = run.bias[j];
      for (long i = 0; i < depth; ++i) sum += double(raw[r * raw_width + 1 + i]) * double(first[i * width + j]);
      expected.x[r * width + j] = static_cast<T>(sum);
    }
  expected.plain(false);

  std::vector<T> x = fresh<T>(run.count * width), back(run.count * raw_width, T(1)), sums = fresh<T>(width);
  std::vector<T> of_first = fresh<T>(depth * width), of_hidden = fresh<T>(static_cast<long>(width) * width);
  const Call<T> call(recurrence(width, false), shape.plan());
  run.clear();
  const CallArguments<T> with{
      {{const_cast<T*>(raw.data()), raw_width}, {run.y.data(), width}, {back.data(), raw_width}},
      {x.data(), nullptr},
      {{run.h.data(), width}, {run.c.data(), width}, {run.k.data(), 1}},
      {{first.data(), width, 1}, {run.weight.data(), width, 1}},
      {run.bias.data()},
      {run.last_h.data(), run.last_c.data(), run.last_k.data()},
      {},
      {{of_first.data(), width, 1}, {of_hidden.data(), 1, width}},
      {sums.data()}};
  call.run(run.rows, run.sizes.data(), static_cast<long>(run.sizes.size()), false, with, 2);

  for (size_t i = 0; i < run.y.size(); ++i) CHECK_CLOSE(run.y[i], expected.y[i], tolerance);
  for (long j = 0; j < width; ++j) {
    double sum = 0;
    for (long r = 0; r < run.count; ++r) sum += double(run.y[r * width + j]);
    CHECK_CLOSE(sums[j], sum, tolerance);
    for (long i = 0; i < depth; ++i) {
      double of = 0;
      for (long r = 0; r < run.count; ++r) of += double(raw[r * raw_width + 1 + i]) * double(run.y[r * width + j]);
      CHECK_CLOSE(of_first[i * width + j], of, tolerance);
    }
    for (long i = 0; i < width; ++i) {
      double of = 0;
      for (long r = 0; r < run.count; ++r) of += double(x[r * width + i]) * double(run.y[r * width + j]);
      CHECK_CLOSE(of_hidden[j * width + i], 2 * of, tolerance);
    }
  }
  for (long r = 0; r < run.count; ++r)
    for (long i = 0; i < raw_width; ++i) {
      double sum = 1;
      for (long j = 0; j < width && i >= 1 && i <= depth; ++j)
        sum += double(run.y[r * width + j]) * double(first[(i - 1) * width + j]);
      CHECK_CLOSE(back[r * raw_width + i], sum, tolerance);
    }
}

TEST(products_around_a_loop) {
  for (int width : {1, 3, 17})
    for (const auto& lengths : {std::vector<long>{}, {1}, {5, 5, 3, 1, 0}}) {
      around<double>(width, lengths, 1e-12);
      around<float>(width, lengths, 1e-4);
    }
}

TEST(a_call_that_does_not_fit_its_loop_is_refused) {
  const LoopProgram loop = recurrence(3, false);
  const Around shape{3, 4};
  const auto refused = [&](auto change) {
    CallPlan plan = shape.plan();
    change(plan);
    CHECK_THROWS(std::invalid_argument, Call<double>(loop, plan));
  };
  refused([](CallPlan& p) { p.inputs = {4}; });
  refused([](CallPlan& p) { p.outputs = {0}; });
  refused([](CallPlan& p) { p.loop_weights = {{0, false}}; });
  refused([](CallPlan& p) { p.hoisted[0].start = 4; });
  refused([](CallPlan& p) { p.hoisted[0].depth = 3; });
  refused([](CallPlan& p) { p.input_gradients[0].out_start = 5; });
  refused([](CallPlan& p) { p.input_gradients[0].vector = 1; });
  refused([](CallPlan& p) { p.weight_gradients[0].gradient = -1; });
  refused([](CallPlan& p) { p.sums = {9}; });
  const Call<double> call(loop, shape.plan());
  CHECK_THROWS(std::invalid_argument, call.run(0, nullptr, 0, false, {}, 1));
}

// What a caller brings is looked at before anything is computed: nothing is read or written where it does not fit.
TEST(arguments_that_do_not_fit_a_call_are_refused) {
  const int width = 3;
  const Around shape{width, width + 1};
  const Call<double> call(recurrence(width, true), shape.plan());
  Run<double> run(width, {5, 5, 3, 1, 0});
  Random random;
  const std::vector<double> raw = random.numbers<double>(run.count * shape.raw_width());
  const std::vector<double> first = random.numbers<double>(static_cast<long>(shape.depth) * width);
  std::vector<double> x = fresh<double>(run.count * width), back(run.count * shape.raw_width(), 1.0);
  std::vector<double> of_first = fresh<double>(static_cast<long>(shape.depth) * width);
  std::vector<double> of_hidden = fresh<double>(static_cast<long>(width) * width), sums = fresh<double>(width);
  const CallArguments<double> good{
      {{const_cast<double*>(raw.data()), shape.raw_width()}, {run.y.data(), width}, {back.data(), shape.raw_width()}},
      {x.data(), nullptr},
      {{run.h.data(), width}, {run.c.data(), width}, {run.k.data(), 1}},
      {{first.data(), width, 1}, {run.weight.data(), width, 1}},
      {run.bias.data()},
      {run.last_h.data(), run.last_c.data(), run.last_k.data()},
      {run.total.data()},
      {{of_first.data(), width, 1}, {of_hidden.data(), 1, width}},
      {sums.data()}};
  const auto sizes_refused = [&](std::vector<int64_t> sizes) {
    CHECK_THROWS(std::invalid_argument,
                 call.run(run.rows, sizes.data(), static_cast<long>(sizes.size()), false, good, 2));
    CHECK(std::isnan(x[0]));
  };
  sizes_refused({6, 1});
  sizes_refused({2, 3});
  sizes_refused({3, -1});
  sizes_refused({3, 0, 1});
  sizes_refused({std::numeric_limits<int64_t>::max(), 1});
  const auto refused = [&](auto change) {
    CallArguments<double> bad = good;
    change(bad);
    CHECK_THROWS(std::invalid_argument, call.run(run.rows, run.sizes.data(), static_cast<long>(run.sizes.size()),
                                                 false, bad, 2));
    CHECK(std::isnan(x[0]));
  };
  using A = CallArguments<double>&;
  refused([](A a) { a.tensors.pop_back(); });
  refused([](A a) { a.buffers.pop_back(); });
  refused([](A a) { a.initial.pop_back(); });
  refused([](A a) { a.weights.pop_back(); });
  refused([](A a) { a.vectors.clear(); });
  refused([](A a) { a.finals.pop_back(); });
  refused([](A a) { a.totals.clear(); });
  refused([](A a) { a.gradients.clear(); });
  refused([](A a) { a.sums.clear(); });
  refused([](A a) { a.tensors[0].data = nullptr; });
  refused([](A a) { a.tensors[0].row_stride = 2; });
  refused([](A a) { a.tensors[1].row_stride = 4; });
  refused([](A a) { a.buffers[0] = nullptr; });
  refused([](A a) { a.initial[1].data = nullptr; });
  refused([](A a) { a.initial[0].row_stride = 1; });
  refused([](A a) { a.weights[1].data = nullptr; });
  refused([](A a) { a.vectors[0] = nullptr; });
  refused([](A a) { a.finals[2] = nullptr; });
  refused([](A a) { a.totals[0] = nullptr; });
  refused([](A a) { a.gradients[0].data = nullptr; });
  refused([](A a) { a.sums[0] = nullptr; });
  call.run(run.rows, run.sizes.data(), static_cast<long>(run.sizes.size()), false, good, 2);
  CHECK(!std::isnan(x[0]));
}

}  // namespace
}  // namespace recurra::tests
