// The engine's own threads. A job is a number of independent tasks; the caller works on them too
// and waits only for tasks that a thread has begun, so a thread that gets no processor (another
// process has it) costs nothing. Threads sleep between jobs; they never spin at a barrier.
#pragma once
#include <functional>

namespace recurra {

// Runs task(0) .. task(tasks - 1) on at most `threads` threads, the caller among them. Returns when
// all are done; the first exception thrown by a task is thrown again here, the rest of the tasks
// being left out. May be called from several threads at once, and after fork().
void run_tasks(int tasks, int threads, const std::function<void(int)>& task);

// While one lives, `check` is called about ten times a second by this thread, as it runs tasks or waits
// for them. What it throws ends the job as if a task had thrown it. It must not run tasks itself.
class Checked {
 public:
  explicit Checked(void (*check)());
  ~Checked();
  Checked(const Checked&) = delete;
  Checked& operator=(const Checked&) = delete;

 private:
  void (*before_)();
};

// For a long task to call now and then: throws where the rest of it is not wanted any more.
void stop_point();

}  // namespace recurra
