#include "engine/pool.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "check.h"
#include "engine/companions.h"

namespace recurra::tests {
namespace {

// The sum of 1 .. tasks, shared out.
long sum(int tasks, int threads) {
  std::atomic<long> made{0};
  run_tasks(tasks, threads, [&](int i) { made += i + 1; });
  return made;
}

std::atomic<int> team_calls{0};

// A team as another library may have it; its first member comes late.
template <int late_by>
void team(void (*function)(void*), void* argument, unsigned threads, unsigned) {
  ++team_calls;
  std::vector<std::thread> members;
  for (unsigned m = 1; m < threads; ++m)
    members.emplace_back([=] {
      if (m == 1) std::this_thread::sleep_for(std::chrono::milliseconds(late_by));
      function(argument);
    });
  function(argument);
  for (auto& member : members) member.join();
}

// Given to one while this lives.
struct Lent {
  explicit Lent(Team team) { use_team(team); }
  ~Lent() { use_team(nullptr); }
};

// A test by the engine's own threads, and by a team.
#define TEST_BOTH(name)               \
  void name();                        \
  TEST(name##_by_own_threads) { name(); } \
  TEST(name##_by_a_team) {            \
    const Lent lent(team<0>);         \
    name();                           \
  }                                   \
  void name()

TEST(a_team_that_keeps_its_caller_waiting_is_left_for_a_while) {
  const Lent lent(team<20>);
  team_calls = 0;
  for (int round = 0; round < 10; ++round) CHECK(sum(100, 2) == 5050);
  const int before = team_calls;
  CHECK(before >= 1 && before < 10);
  std::this_thread::sleep_for(std::chrono::milliseconds(120));
  CHECK(sum(100, 2) == 5050);
  CHECK(team_calls == before + 1);
}

TEST_BOTH(every_task_runs_once) {
  for (int threads = 1; threads <= 8; ++threads)
    for (int tasks : {0, 1, 2, 7, 100}) {
      std::vector<std::atomic<int>> times(static_cast<size_t>(tasks));
      run_tasks(tasks, threads, [&](int i) { ++times[static_cast<size_t>(i)]; });
      for (const auto& t : times) CHECK(t == 1);
    }
}

TEST_BOTH(what_a_task_throws_reaches_the_caller_and_leaves_a_whole_pool) {
  for (int round = 0; round < 50; ++round)
    for (int threads : {1, 2, 4}) {
      CHECK_THROWS(std::domain_error, run_tasks(40, threads, [&](int i) {
                     if (i == round % 40) throw std::domain_error("thrown");
                   }));
      CHECK(sum(100, threads) == 5050);
    }
}

TEST_BOTH(jobs_within_jobs_and_beside_jobs) {
  std::vector<std::thread> callers;
  std::atomic<int> right{0};
  for (int c = 0; c < 4; ++c)
    callers.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        std::atomic<long> made{0};
        run_tasks(4, 3, [&](int) { made += sum(20, 2); });
        right += made == 4 * 210;
      }
    });
  for (auto& caller : callers) caller.join();
  CHECK(right == 200);
}

struct Stopped {};

// As the interpreter's check does once Ctrl-C has been pressed.
TEST_BOTH(a_check_ends_long_tasks) {
  for (int threads : {1, 2, 4}) {
    std::atomic<int> begun{0};
    CHECK_THROWS(Stopped, {
      const SignalCheck check([] { throw Stopped{}; });
      run_tasks(threads, threads, [&](int) {
        ++begun;
        for (;;) {
          stop_point();
          std::this_thread::yield();
        }
      });
    });
    CHECK(begun >= 1);
    CHECK(sum(100, threads) == 5050);
  }
}

// The caller has nothing left to do and waits.
TEST_BOTH(a_check_ends_tasks_that_others_are_at) {
  const auto caller = std::this_thread::get_id();
  std::atomic<bool> joined{false};
  CHECK_THROWS(Stopped, {
    const SignalCheck check([] { throw Stopped{}; });
    run_tasks(2, 2, [&](int) {
      if (std::this_thread::get_id() == caller) {
        while (!joined) std::this_thread::yield();
        return;
      }
      joined = true;
      for (;;) {
        stop_point();
        std::this_thread::yield();
      }
    });
  });
  CHECK(sum(100, 2) == 5050);
}

TEST_BOTH(a_run_in_the_middle_of_another_is_refused) {
  CHECK_THROWS(std::logic_error, {
    const SignalCheck check([] { sum(3, 2); });
    run_tasks(2, 1, [&](int) {
      for (;;) stop_point();
    });
  });
  CHECK(sum(100, 2) == 5050);
}

TEST(companions_share_every_piece_once) {
  Companions& companions = Companions::all();
  for (int call = 0; call < 50; ++call) {
    CHECK(companions.begin(4, true));
    CHECK(!companions.begin(4, true));
    for (int count : {1, 2, 7, 64}) {
      std::vector<int> times(static_cast<size_t>(count), 0);
      companions.share(
          count, [](const void* context, int i) { ++(*static_cast<std::vector<int>*>(const_cast<void*>(context)))[static_cast<size_t>(i)]; },
          &times);
      for (int t : times) CHECK(t == 1);
    }
    companions.end();
  }
}

#if !defined(__SANITIZE_THREAD__)  // which knows no threads in a forked child
TEST_BOTH(a_forked_child_has_threads_of_its_own) {
  CHECK(sum(100, 4) == 5050);
  const pid_t child = fork();
  if (child == 0) {
    team_calls = 0;
    _exit(sum(100, 4) == 5050 && team_calls == 0 && Companions::all().begin(2, true) ? 0 : 1);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK(sum(100, 4) == 5050);
}
#endif

}  // namespace
}  // namespace recurra::tests
