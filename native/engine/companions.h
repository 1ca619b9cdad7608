// Threads that stay awake between the steps of a stream, to share products too short for the pool:
// a few microseconds, while waking a thread takes as long.
//
// A product is cut into pieces; the caller takes them from one end, companions from the other, so that
// each finds its part of the weights in its own cache. Whoever is not there takes nothing: the caller
// waits only for pieces that have been begun. A companion without work goes to sleep after some tens
// of microseconds, so a stream that is fed slowly never has one.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace recurra {

// A product of so many multiply-adds is shared with a companion: with fewer, handing it over costs as much.
constexpr long worth_sharing = 24000;
// A call of so many multiply-adds wakes companions; a shorter one finds those of the call before.
constexpr double long_call = 2e6;

class Companions {
 public:
  using Piece = void (*)(const void* context, int piece);

  static Companions& all();

  // Makes the caller their user until `end`; false: someone else is, and the caller works alone.
  // They are woken for a call that is long, or soon after the one before.
  bool begin(int threads, bool is_long);
  void end();

  // How many would take a piece now.
  int awake() const { return awake_.load(std::memory_order_relaxed); }

  // Panels of one piece of a product of `work` multiply-adds: one piece for each thread that is there, or more
  // where they are long.
  long panels_each(long panels, long work) const;

  // piece(context, 0), ..., piece(context, count - 1), each once; count < 65536. Between begin and end.
  void share(int count, Piece piece, const void* context);

 private:
  void serve();

  // generation: 32 bits; first and last of the pieces that no one has taken: 16 each
  std::atomic<uint64_t> untaken_{0};
  std::atomic<Piece> piece_{nullptr};
  std::atomic<const void*> context_{nullptr};
  std::atomic<int> done_{0}, awake_{0};
  std::atomic<bool> used_{false};
  uint64_t generation_ = 0;
  std::chrono::steady_clock::time_point last_{};
  std::mutex lock_;
  std::condition_variable wake_;
  uint64_t calls_ = 0;  // under the lock
  int threads_ = 0;     // under the lock
};

// Companions for as long as this lives, where it could get them.
class CompanionsGuard {
 public:
  CompanionsGuard(int threads, bool is_long) : companions_(Companions::all().begin(threads, is_long) ? &Companions::all() : nullptr) {}
  ~CompanionsGuard() {
    if (companions_) companions_->end();
  }
  CompanionsGuard(const CompanionsGuard&) = delete;
  CompanionsGuard& operator=(const CompanionsGuard&) = delete;
  Companions* get() const { return companions_; }

 private:
  Companions* companions_;
};

}  // namespace recurra
