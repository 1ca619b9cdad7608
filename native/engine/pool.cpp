#include "pool.h"

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace recurra {
namespace {

struct Job {
  const std::function<void(int)>* task;
  int tasks;
  int helpers_wanted;    // threads that may still join; under the pool's lock
  int helpers_inside;    // threads that have joined and not left; under the pool's lock
  std::atomic<int> next{0};
  std::exception_ptr failure;  // under the pool's lock
};

class Pool {
 public:
  void run(Job& job) {
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
    if (job.helpers_wanted == 1)
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
    done_.wait(hold, [&] { return job.helpers_inside == 0; });
  }

 private:
  void work(Job& job) {
    for (int i; (i = job.next.fetch_add(1)) < job.tasks;) {
      try {
        (*job.task)(i);
      } catch (...) {
        std::lock_guard<std::mutex> hold(lock_);
        if (!job.failure) job.failure = std::current_exception();
        job.next = job.tasks;
      }
    }
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
};

// Never destroyed: its threads may outlive static destructors. A forked child starts with a new
// one, for none of the threads came along.
Pool* pool = nullptr;
std::once_flag once;

Pool& the_pool() {
  std::call_once(once, [] {
    pool = new Pool;
    pthread_atfork(nullptr, nullptr, [] { pool = new Pool; });
  });
  return *pool;
}

}  // namespace

void run_tasks(int tasks, int threads, const std::function<void(int)>& task) {
  const int helpers = (threads < tasks ? threads : tasks) - 1;
  if (helpers <= 0) {
    for (int i = 0; i < tasks; ++i) task(i);
    return;
  }
  Job job;
  job.task = &task;
  job.tasks = tasks;
  job.helpers_wanted = helpers;
  job.helpers_inside = 0;
  the_pool().run(job);
  if (job.failure) std::rethrow_exception(job.failure);
}

}  // namespace recurra
