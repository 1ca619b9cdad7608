// Threads for jobs, a job being a number of independent tasks. The caller works on them too.
//
// Two kinds of helpers. A team that the process has already: another library's threads, which wait for work
// by spinning for some milliseconds, so that threads beside them would find the processors taken. And the
// engine's own, which sleep between jobs and never spin: the caller waits for them only where they have begun
// a task, so a thread that gets no processor (another process has it) costs nothing. A team is left for a
// while when its members keep the caller waiting.
#pragma once
#include <functional>

namespace recurra {

// Runs task(0) .. task(tasks - 1) on at most `threads` threads, the caller among them. Returns when
// all are done; the first exception thrown by a task is thrown again here, the rest of the tasks
// being left out. May be called from several threads at once, and after fork().
void run_tasks(int tasks, int threads, const std::function<void(int)>& task);

// Runs a function on so many threads, the caller among them, and waits for all: GOMP_parallel of OpenMP.
using Team = void (*)(void (*function)(void*), void* argument, unsigned threads, unsigned flags);

// Jobs go to a team from now on; null: to the engine's own threads. A forked child has no team.
void use_team(Team team);

// While one lives, `check` is called about ten times a second by this thread, as it runs tasks or waits
// for them. What it throws ends the job as if a task had thrown it. It must not run tasks itself.
class SignalCheck {
 public:
  explicit SignalCheck(void (*check)());
  ~SignalCheck();
  SignalCheck(const SignalCheck&) = delete;
  SignalCheck& operator=(const SignalCheck&) = delete;

 private:
  void (*outer_)();
};

// For a long task to call now and then: throws where the rest of it is not wanted any more.
void stop_point();

}  // namespace recurra
