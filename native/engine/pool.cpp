#include "pool.h"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include "relax.h"

namespace recurra {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto between_checks = std::chrono::milliseconds(100);
// A caller that had to wait so long for a team's members, none of which had a task, does without it for a while.
constexpr auto too_long = std::chrono::microseconds(500);
constexpr auto without_team = std::chrono::milliseconds(100);

// Turns of waiting for members before the caller sleeps between looks: some hundreds of microseconds.
constexpr int eager_turns = 20000;

struct Job {
  const std::function<void(int)>* task;
  int tasks;
  int helpers_wanted;    // threads that may still join; under the pool's lock
  int helpers_inside;    // threads that have joined and not left; under the pool's lock
  std::atomic<int> members_inside{0};  // of a team, the caller left out
  std::atomic<int> next{0};
  std::atomic<bool> over{false};  // set once there is a failure
  std::exception_ptr failure;     // under the pool's lock
};

// Thrown out of tasks whose job has failed elsewhere.
struct Cancelled {};

// What this thread is at.
struct ThreadState {
  const Job* job = nullptr;
  void (*check)() = nullptr;
  Clock::time_point checked{};
  bool checking = false;
};
thread_local ThreadState thread_state;

void check_if_due() {
  if (!thread_state.check || Clock::now() - thread_state.checked < between_checks) return;
  struct Checking {
    Checking() { thread_state.checking = true; }
    ~Checking() {
      thread_state.checking = false;
      thread_state.checked = Clock::now();
    }
  } checking;
  thread_state.check();
}

class Pool {
 public:
  void run(Job& job) {
    const bool one = job.helpers_wanted == 1;  // once it is open, threads change that
    {
      std::lock_guard<std::mutex> hold(lock_);
      jobs_.push_back(&job);
      try {
        while (static_cast<int>(threads_) < job.helpers_wanted) {
          std::thread(&Pool::serve, this).detach();
          ++threads_;
        }
      } catch (const std::system_error&) {
        // No more threads to be had: the caller does the work of those missing.
      }
    }
    if (one)
      waiting_.notify_one();
    else
      waiting_.notify_all();
    work(job);
    std::unique_lock<std::mutex> hold(lock_);
    for (size_t i = 0; i < jobs_.size(); ++i)
      if (jobs_[i] == &job) {
        jobs_.erase(jobs_.begin() + static_cast<long>(i));
        break;
      }
    const auto left = [&] { return job.helpers_inside == 0; };
    while (thread_state.check && !left()) {
      if (done_.wait_for(hold, between_checks, left)) break;
      hold.unlock();  // a check may wait for what another thread holds
      try {
        check_if_due();
      } catch (...) {
        fail(job);
      }
      hold.lock();
    }
    done_.wait(hold, left);
  }

  // By the team; false: there is none at present, and nothing has been done.
  bool run_in_team(Job& job, int threads) {
    const Team team = team_.load();
    if (!team || thread_state.job || Clock::now() < team_from_.load()) return false;
    struct Call {
      Pool& pool;
      Job& job;
      std::thread::id caller;
      Clock::time_point done{};
    } call{*this, job, std::this_thread::get_id()};
    team(
        [](void* argument) {
          Call& call = *static_cast<Call*>(argument);
          if (std::this_thread::get_id() == call.caller) {
            call.pool.work(call.job);
            call.pool.wait_for_members(call.job);
            call.done = Clock::now();
          } else {
            ++call.job.members_inside;
            call.pool.work(call.job);
            --call.job.members_inside;
          }
        },
        &call, static_cast<unsigned>(threads), 0);
    const Clock::time_point now = Clock::now();
    if (now - call.done > too_long) team_from_.store(now + without_team);
    return true;
  }

  void use_team(Team team) {
    team_.store(team);
    team_from_.store({});
  }

 private:
  // For tasks that they have begun: a team's own wait looks at no check.
  void wait_for_members(Job& job) {
    for (int turns = 0; job.members_inside.load() > 0; ++turns) {
      relax();
      if (turns < eager_turns) continue;
      std::this_thread::sleep_for(std::chrono::microseconds(50));
      try {
        check_if_due();
      } catch (...) {
        fail(job);
      }
    }
  }

  void work(Job& job) {
    const Job* outer = thread_state.job;
    thread_state.job = &job;
    for (int i; (i = job.next.fetch_add(1)) < job.tasks;) {
      try {
        check_if_due();
        (*job.task)(i);
      } catch (...) {
        fail(job);
      }
    }
    thread_state.job = outer;
  }

  // Within a handler of what was thrown.
  void fail(Job& job) {
    std::lock_guard<std::mutex> hold(lock_);
    if (!job.failure) job.failure = std::current_exception();
    job.next = job.tasks;
    job.over = true;
  }

  Job* open_job() {
    for (Job* job : jobs_)
      if (job->helpers_wanted > 0 && job->next.load() < job->tasks) return job;
    return nullptr;
  }

  void serve() {
    std::unique_lock<std::mutex> hold(lock_);
    for (;;) {
      Job* job;
      waiting_.wait(hold, [&] { return (job = open_job()) != nullptr; });
      --job->helpers_wanted;
      ++job->helpers_inside;
      hold.unlock();
      work(*job);
      hold.lock();
      if (--job->helpers_inside == 0) done_.notify_all();
    }
  }

  std::mutex lock_;
  std::condition_variable waiting_, done_;
  std::vector<Job*> jobs_;
  size_t threads_ = 0;
  std::atomic<Team> team_{nullptr};
  std::atomic<Clock::time_point> team_from_{Clock::time_point{}};
};

Pool* new_pool();

// Never destroyed: its threads may outlive static destructors. Made while the library is loaded, so that no
// fork() finds it half made.
Pool* pool = new_pool();

// A forked child starts with a new one, for none of the threads came along.
Pool* new_pool() {
  pthread_atfork(nullptr, nullptr, [] { pool = new Pool; });
  return new Pool;
}

}  // namespace

void run_tasks(int tasks, int threads, const std::function<void(int)>& task) {
  if (thread_state.checking) throw std::logic_error("a native run can't begin in the middle of another one on the same thread");
  const int helpers = (threads < tasks ? threads : tasks) - 1;
  if (helpers <= 0) {
    for (int i = 0; i < tasks; ++i) {
      check_if_due();
      task(i);
    }
    return;
  }
  Job job;
  job.task = &task;
  job.tasks = tasks;
  job.helpers_wanted = helpers;
  job.helpers_inside = 0;
  if (!pool->run_in_team(job, threads)) pool->run(job);
  if (job.failure) std::rethrow_exception(job.failure);
}

void use_team(Team team) { pool->use_team(team); }

SignalCheck::SignalCheck(void (*check)()) : outer_(thread_state.check) {
  thread_state.check = check;
  thread_state.checked = Clock::now();
}

SignalCheck::~SignalCheck() { thread_state.check = outer_; }

void stop_point() {
  if (thread_state.job && thread_state.job->over.load(std::memory_order_relaxed)) throw Cancelled{};
  check_if_due();
}

}  // namespace recurra
