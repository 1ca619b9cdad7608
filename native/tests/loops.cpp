#include "check.h"
#include "engine/driver.h"
#include "engine/pool.h"
#include "recurrence.h"

namespace recurra::tests {
namespace {

template <class T>
void drive(const Driver<T>& driver, Run<T>& run, bool reverse, bool totals, int threads) {
  run.clear();
  const long width = run.width;
  std::vector<T*> sums;
  if (totals) sums.push_back(run.total.data());
  driver.run(run.rows, run.sizes.data(), static_cast<long>(run.sizes.size()), reverse, {{run.x.data(), width}},
             {{run.h.data(), width}, {run.c.data(), width}, {run.k.data(), 1}}, {{run.weight.data(), width, 1}},
             {run.bias.data()}, {run.y.data()}, {run.last_h.data(), run.last_c.data(), run.last_k.data()}, sums,
             threads);
}

template <class T>
void same(int width, const std::vector<long>& lengths, bool reverse, bool totals, double tolerance) {
  Run<T> expected(width, lengths), found(width, lengths);
  expected.plain(reverse);
  const Driver<T> driver(recurrence(width, totals));
  drive(driver, found, reverse, totals, 1);
  const auto close = [&](const std::vector<T>& one, const std::vector<T>& other) {
    for (size_t i = 0; i < one.size(); ++i) CHECK_CLOSE(one[i], other[i], tolerance);
  };
  close(found.y, expected.y);
  close(found.last_h, expected.last_h);
  close(found.last_c, expected.last_c);
  close(found.last_k, expected.last_k);
  if (totals) close(found.total, expected.total);
  for (int threads = 2; threads <= 8; threads += 3) {
    Run<T> again(width, lengths);
    drive(driver, again, reverse, totals, threads);
    CHECK(again.y == found.y && again.last_h == found.last_h && again.last_c == found.last_c);
    if (totals) CHECK(again.total == found.total);
  }
}

TEST(ragged_rows_in_both_directions) {
  const std::vector<std::vector<long>> batches = {{}, {0, 0}, {1}, {7}, {5, 5, 3, 1, 1, 0}, {2, 2, 2, 2, 2, 2, 2, 2, 0}};
  for (int width : {1, 3, 17, 70})
    for (const auto& lengths : batches)
      for (bool reverse : {false, true})
        for (bool totals : {false, true}) {
          same<double>(width, lengths, reverse, totals, 1e-12);
          same<float>(width, lengths, reverse, totals, 2e-5);
        }
}

TEST(many_rows_and_many_steps) {
  same<float>(5, std::vector<long>(1000, 2), false, true, 1e-4);
  same<double>(2, {4000, 3}, true, true, 1e-9);
}

// A row alone can't be shared out: its products are, with threads that stay awake from step to step.
TEST(one_wide_row) {
  for (bool reverse : {false, true}) {
    same<float>(200, {60}, reverse, true, 2e-5);
    same<double>(203, {60}, reverse, false, 1e-9);
  }
}

TEST(a_check_ends_a_long_run_and_the_next_is_right) {
  Run<float> expected(40, std::vector<long>(16, 50)), found(40, std::vector<long>(16, 50));
  const Driver<float> driver(recurrence(40, true));
  drive(driver, expected, false, true, 1);
  std::vector<int64_t> sizes(20'000'000, 1);  // longer than anyone would wait
  // nothing but a state, so that no array grows with time
  LoopProgram p;
  p.states = {40};
  p.weights = {{40, 40}};
  p.lines = {{-1, 40, 0, {Space::next, 0, 0}, {Space::state, 0, 0}, {Space::none, 0, 0}, {Space::none, 0, 0}, 0}};
  p.next = {{Space::next, 0, 0}};
  const Driver<float> endless(p);
  auto last = fresh<float>(40);
  struct Stopped {};
  CHECK_THROWS(Stopped, {
    const SignalCheck check([] { throw Stopped{}; });
    endless.run(1, sizes.data(), static_cast<long>(sizes.size()), false, {}, {{expected.h.data(), 40}},
                {{expected.weight.data(), 40, 1}}, {}, {}, {last.data()}, {}, 2);
  });
  drive(driver, found, false, true, 2);
  CHECK(found.y == expected.y);
}

TEST(an_operation_without_that_form_is_refused) {
  LoopProgram p = recurrence(3, false);
  p.lines[4].mode = single_a | single_b;  // y = z + one
  CHECK_THROWS(std::invalid_argument, Driver<float>{p});
}

TEST(wrong_arguments_are_refused) {
  Run<float> run(3, {2, 1});
  const Driver<float> driver(recurrence(3, false));
  run.sizes = {1, 2};
  CHECK_THROWS(std::invalid_argument, drive(driver, run, false, false, 1));
  run.sizes = {3};
  CHECK_THROWS(std::invalid_argument, drive(driver, run, false, false, 1));
  run.sizes = {2, 1};
  CHECK_THROWS(std::invalid_argument, drive(driver, run, false, true, 1));
}

}  // namespace
}  // namespace recurra::tests
