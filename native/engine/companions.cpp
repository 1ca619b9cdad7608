#include "companions.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <system_error>
#include <thread>

#include "pieces.h"
#include "relax.h"

namespace recurra {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto awake_for = std::chrono::microseconds(50);
// Calls that follow each other faster than this have a companion; it is less than `awake_for`, so that one
// that is kept is not woken over and over.
constexpr auto soon = std::chrono::microseconds(30);
constexpr int most_threads = 8;
// A piece of so many multiply-adds is cut again, so that whoever is done first can go on.
constexpr long long_piece = 100000;

uint64_t packed(uint64_t generation, uint64_t first, uint64_t last) { return generation << 32 | first << 16 | last; }
uint64_t first_of(uint64_t word) { return word >> 16 & 0xffff; }
uint64_t last_of(uint64_t word) { return word & 0xffff; }

// More threads than processors would take turns spinning.
int processors() {
  static const int count = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return count;
}

// Turns of waiting without a pause: about as long as the gap between two products of a step. A pause would be
// longer than the gap where a hypervisor looks at it.
constexpr int eager_turns = 2000;

void pause(int turns) {
  if (turns >= eager_turns) relax();
}

Companions* new_companions();

// Never destroyed, made while the library is loaded, and anew in a forked child: as the pool.
Companions* companions = new_companions();

Companions* new_companions() {
  pthread_atfork(nullptr, nullptr, [] { companions = new Companions; });
  return new Companions;
}

}  // namespace

Companions& Companions::all() { return *companions; }

bool Companions::begin(int threads, bool is_long) {
  if (used_.exchange(true, std::memory_order_acquire)) return false;
  const int helpers = std::min({threads, processors(), most_threads}) - 1;
  if (awake_.load(std::memory_order_relaxed) < helpers && (is_long || Clock::now() - last_ < soon)) {
    const std::lock_guard<std::mutex> hold(lock_);
    try {
      for (; threads_ < helpers; ++threads_) std::thread(&Companions::serve, this).detach();
    } catch (const std::system_error&) {
      // no more threads to be had: those that there are will do
    }
    ++calls_;
    wake_.notify_all();
  }
  return true;
}

void Companions::end() {
  last_ = Clock::now();
  used_.store(false, std::memory_order_release);
}

long Companions::panels_each(long panels, long work) const {
  const long threads = awake() + 1;
  const long count = std::min(panels, threads * std::max<long>(1, std::min<long>(8, work / (threads * long_piece))));
  return pieces(panels, count);
}

void Companions::share(int count, Piece piece, const void* context) {
  piece_.store(piece, std::memory_order_relaxed);
  context_.store(context, std::memory_order_relaxed);
  done_.store(0, std::memory_order_relaxed);
  uint64_t left = packed(++generation_ & 0xffffffff, 0, static_cast<uint64_t>(count));
  untaken_.store(left, std::memory_order_release);
  int mine = 0;
  while (first_of(left) < last_of(left)) {
    if (!untaken_.compare_exchange_weak(left, left + (1u << 16), std::memory_order_acq_rel)) continue;
    piece(context, static_cast<int>(first_of(left)));
    ++mine;
    left = untaken_.load(std::memory_order_relaxed);
  }
  for (int turns = 0; done_.load(std::memory_order_acquire) != count - mine; ++turns) {
    // one that has lost its processor in the middle of a piece may have this one
    if (turns > 2 * eager_turns) sched_yield();
    pause(turns);
  }
}

void Companions::serve() {
  awake_.fetch_add(1, std::memory_order_relaxed);
  Clock::time_point since = Clock::now();
  for (int turns = 1;; ++turns) {
    uint64_t left = untaken_.load(std::memory_order_acquire);
    if (first_of(left) < last_of(left)) {
      const Piece piece = piece_.load(std::memory_order_relaxed);
      const void* context = context_.load(std::memory_order_relaxed);
      // if no one has taken any meanwhile, these two belong to it: the next product waits for all pieces
      if (untaken_.compare_exchange_strong(left, left - 1, std::memory_order_acq_rel)) {
        piece(context, static_cast<int>(last_of(left)) - 1);
        done_.fetch_add(1, std::memory_order_release);
        turns = 0;
      }
      continue;
    }
    pause(turns);
    if (turns == 1)
      since = Clock::now();
    else if (turns % 64 == 0 && Clock::now() - since > awake_for) {
      std::unique_lock<std::mutex> hold(lock_);
      awake_.fetch_sub(1, std::memory_order_relaxed);
      const uint64_t calls = calls_;
      wake_.wait(hold, [&] { return calls_ != calls; });
      awake_.fetch_add(1, std::memory_order_relaxed);
      turns = 0;
    }
  }
}

}  // namespace recurra
