#include "engine/stepper.h"

#include "check.h"
#include "recurrence.h"

namespace recurra::tests {
namespace {

// One loop over x itself: y and the states of `Run`, streams all of one length.
struct Streamed {
  Run<float> run;
  std::vector<float> h, c, k;

  Streamed(int width, long streams, long steps) : run(width, std::vector<long>(static_cast<size_t>(streams), steps)) {
    reset();
  }

  void reset() {
    h = run.h;
    c = run.c;
    k = run.k;
  }

  Stepper make(WeightKind kind, int threads) {
    const int width = run.width;
    SegmentSpec loop{recurrence(width, false), {0}, {1}, {}, {{width, width}}, {{run.weight.data(), width, 1}},
                     {run.bias.data()}};
    StepperSpec spec{run.rows, threads, kind, 0, {width, width}, {{0, nullptr}}, {loop}, 0, {h.data(), c.data(), k.data()}, 1};
    return Stepper(std::move(spec));
  }

  // x [streams, steps, width] of steps [first, last).
  std::vector<float> block(const std::vector<float>& packed, long first, long last) const {
    std::vector<float> made;
    for (long s = 0; s < run.rows; ++s)
      for (long t = first; t < last; ++t) {
        const auto from = packed.begin() + (t * run.rows + s) * run.width;
        made.insert(made.end(), from, from + run.width);
      }
    return made;
  }
};

void streams(int width, long count, long steps, WeightKind kind, double tolerance) {
  Streamed s(width, count, steps);
  s.run.plain(false);
  std::vector<float> first;
  for (int threads : {1, 2, 4}) {
    s.reset();
    Stepper stepper = s.make(kind, threads);
    // cut here and there
    std::vector<float> all;
    for (long done = 0, now = 1; done < steps; done += now, now = std::min<long>(2 * now, steps - done)) {
      const auto x = s.block(s.run.x, done, done + now), expected = s.block(s.run.y, done, done + now);
      auto y = fresh<float>(count * now * width);
      stepper.run(x.data(), y.data(), now, nullptr, count);
      for (size_t i = 0; i < y.size(); ++i) CHECK_CLOSE(y[i], expected[i], tolerance);
      all.insert(all.end(), y.begin(), y.end());
    }
    for (size_t i = 0; i < s.h.size(); ++i) CHECK_CLOSE(s.h[i], s.run.last_h[i], tolerance);
    if (first.empty()) first = all;
    CHECK(all == first);
  }
}

TEST(streams_of_any_number_and_width) {
  for (int width : {1, 3, 17, 70})
    for (long count : {1, 2, 5}) {
      streams(width, count, 9, WeightKind::full, 2e-5);
      streams(width, count, 9, WeightKind::bfloat16, 5e-2);
      streams(width, count, 9, WeightKind::int8, 5e-2);
    }
  streams(5, 130, 3, WeightKind::full, 2e-5);
}

// A weight that is no number spoils its column, in every kind.
TEST(weights_that_are_no_numbers) {
  for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
    for (WeightKind kind : {WeightKind::full, WeightKind::bfloat16, WeightKind::int8}) {
      Streamed s(5, 1, 1);
      s.run.weight[7] = bad;
      s.h.assign(5, 0.0f);  // infinity times zero is NaN
      auto y = fresh<float>(5);
      s.make(kind, 1).run(s.run.x.data(), y.data(), 1, nullptr, 1);
      for (float v : y) CHECK(std::isnan(v));
    }
}

// wide enough that companions take part
TEST(a_wide_stream) { streams(256, 1, 60, WeightKind::full, 1e-4); }

TEST(some_streams_and_ids) {
  Streamed s(4, 3, 2);
  Stepper stepper = s.make(WeightKind::full, 1);
  const auto before = s.h;
  const auto x = Random().numbers<float>(2 * 4);
  auto y = fresh<float>(2 * 4);
  const int64_t rows[] = {2, 0}, twice[] = {1, 1}, outside[] = {0, 3};
  stepper.run(x.data(), y.data(), 1, rows, 2);
  for (int j = 0; j < 4; ++j) {
    CHECK(s.h[4 + j] == before[4 + j]);
    CHECK(s.h[j] == y[4 + j] && s.h[8 + j] == y[j]);
  }
  const auto held = s.h;
  CHECK_THROWS(std::out_of_range, stepper.run(x.data(), y.data(), 1, twice, 2));
  CHECK_THROWS(std::out_of_range, stepper.run(x.data(), y.data(), 1, outside, 2));
  CHECK_THROWS(std::invalid_argument, stepper.run(x.data(), y.data(), 1, nullptr, 2));
  CHECK(s.h == held);
  stepper.run(x.data(), y.data(), 1, rows, 2);

  // rows of a table in the place of numbers
  const auto table = Random().numbers<float>(5 * 4);
  SegmentSpec loop{recurrence(4, false), {0}, {1}, {}, {{4, 4}}, {{s.run.weight.data(), 4, 1}}, {s.run.bias.data()}};
  StepperSpec spec{1, 1, WeightKind::full, 5, {4, 4}, {{0, table.data()}}, {loop}, 0,
                   {s.h.data(), s.c.data(), s.k.data()}, 1};
  Stepper reader(std::move(spec));
  const int64_t ids[] = {4, 0}, wrong[] = {5, 0}, negative[] = {0, -1};
  reader.run(ids, y.data(), 2, nullptr, 1);
  CHECK_THROWS(std::out_of_range, reader.run(wrong, y.data(), 2, nullptr, 1));
  CHECK_THROWS(std::out_of_range, reader.run(negative, y.data(), 2, nullptr, 1));
}

TEST(a_stepper_that_does_not_fit_is_refused) {
  Streamed s(4, 3, 2);
  const SegmentSpec loop{recurrence(4, false), {0}, {1}, {}, {{4, 4}}, {{s.run.weight.data(), 4, 1}},
                         {s.run.bias.data()}};
  const StepperSpec good{3, 1, WeightKind::full, 0, {4, 4}, {{0, nullptr}}, {loop}, 0,
                         {s.h.data(), s.c.data(), s.k.data()}, 1};
  const auto refused = [&](auto change) {
    StepperSpec bad = good;
    change(bad);
    CHECK_THROWS(std::invalid_argument, Stepper(std::move(bad)));
  };
  refused([](StepperSpec& b) { b.streams = 0; });
  refused([](StepperSpec& b) { b.arrays = {4, 0}; });
  refused([](StepperSpec& b) { b.arrays = {5, 4}; });
  refused([](StepperSpec& b) { b.y = 2; });
  refused([](StepperSpec& b) { b.sources.clear(); });
  refused([](StepperSpec& b) { b.tokens = 3; });  // without a table
  refused([](StepperSpec& b) { b.states.pop_back(); });
  refused([](StepperSpec& b) { b.states[1] = nullptr; });
  refused([](StepperSpec& b) { b.segments[0].weights[0].data = nullptr; });
  refused([](StepperSpec& b) { b.segments[0].vectors[0] = nullptr; });
  refused([](StepperSpec& b) { b.segments[0].sizes = {{4, 5}}; });
  const Stepper stepper{StepperSpec(good)};
  CHECK(stepper.streams() == 3);
}

}  // namespace
}  // namespace recurra::tests
