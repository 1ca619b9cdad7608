// Lock-free training over a file of word numbers, by threads that take one chunk after the other.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "kernels.h"

namespace recurra::vectors {

struct Plan {
  int dimensions;
  int window;
  int negatives;        // 0: hierarchical softmax
  bool skipgram;
  double sample;        // 0: keep every word
  double exponent;      // of the distribution of negatives
  double first_rate;
  double last_rate;
  int epochs;
  uint64_t seed;
};

// Huffman tree over words 0..n-1, the most frequent first (Mikolov's word2vec.c has the same construction:
// inner node n + k is row k of the output matrix, the last one is the root).
struct Tree {
  std::vector<int32_t> parent;  // of 2n - 1 nodes; -1 at the root
  std::vector<uint8_t> code;    // 1: the node is its parent's second child
};
Tree huffman(const int64_t* counts, int64_t n);

// A word drawn with probability proportional to its count to the power of `exponent` (Walker's alias method).
class Negatives {
 public:
  Negatives(const int64_t* counts, int64_t n, double exponent);
  int32_t draw(uint64_t random) const {
    const uint32_t slot = uint32_t((random >> 32) * table_.size() >> 32);
    const Slot& s = table_[slot];
    return uint32_t(random) < s.limit ? int32_t(slot) : s.other;
  }

 private:
  struct Slot {
    uint32_t limit;
    int32_t other;
  };
  std::vector<Slot> table_;
};

class Trainer {
 public:
  // `starts`: first number of each chunk in the file, and the end. The matrices must outlive the trainer.
  Trainer(const Plan& plan, float* input, float* output, const int64_t* counts, int64_t words, std::string path,
          std::vector<int64_t> starts, int64_t first_chunk);
  ~Trainer();

  void start(int threads, int64_t until);   // works on chunks [done(), until)
  void stop() { limit_ = 0; }               // chunks under way are finished
  void wait();                              // rethrows what ended a thread
  bool running() const { return running_ > 0; }
  int64_t done() const;                     // chunks finished, over all epochs; exact once nothing runs
  double progress() const;                  // of all words of all epochs, 0 to 1
  double take_loss();                       // mean loss of a pair since the last call; NaN if there was none

 private:
  struct Worker;
  void work();
  void chunk(Worker& worker, int64_t chunk);
  void fill(Worker& worker, int64_t chunk);
  void batches(Worker& worker, float rate);
  void paths(Worker& worker, float rate);

  Plan plan_;
  Shared shared_;
  const Kernels* kernels_;
  std::string path_;
  std::vector<int64_t> starts_;
  std::vector<float> keep_;                 // empty: keep all
  std::unique_ptr<Negatives> negatives_;
  Tree tree_;
  int centres_;                             // of a batch
  int slices_ = 1;                          // in which a batch takes its windows, one after the other
  int batch_negatives_ = 0;
  int deepest_ = 0;
  int64_t longest_chunk_ = 0;

  std::atomic<int64_t> next_;
  std::atomic<int64_t> limit_{0};
  std::atomic<int> running_{0};
  std::vector<std::thread> threads_;
  std::mutex mutex_;                        // of loss_ and fault_
  double loss_[2] = {0, 0};
  std::exception_ptr fault_;
};

}  // namespace recurra::vectors
