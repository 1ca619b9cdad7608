// The arithmetic of one small batch, compiled once per instruction level (see kernels.cpp).
#pragma once
#include <cstdint>

namespace recurra::vectors {

// Rows of scratch are padded with zeros to a multiple of this many floats; the shared matrices are not padded.
constexpr int kPad = 16;

// What every kernel needs. The matrices are [words, dimensions], shared by all threads without locks: a kernel
// copies the rows it works on, and adds its result to them, so a concurrent update of a row is rarely lost.
struct Shared {
  float* input;
  float* output;
  int dimensions;
};

// A batch of successive centre words c in [first, first + centres) of the sub-sampled text `words`.
// The window of centre c, or a piece of it, is the range [low[c], high[c]) of positions, c itself left out.
struct Batch {
  const int32_t* words;
  const int32_t* low;
  const int32_t* high;
  int first;
  int centres;
  int window;                // the widest a window can be, one side
  const int32_t* negatives;  // shared by all centres of the batch
  int negative_count;        // the array behind `negatives` is padded to a multiple of kPad
  float negative_weight;     // negatives per pair / negative_count
  float rate;
  double* loss;              // null: not wanted. Adds the loss and the number of pairs.
};

// The path of one centre word in the Huffman tree, and the words of its window.
struct Path {
  const int32_t* context;
  int contexts;
  const int32_t* nodes;
  const float* labels;       // 1 - code
  int length;
  float rate;
  double* loss;
};

// Bytes of scratch, aligned to 64, that the kernels need; they expect it zeroed before the first call.
struct Scratch {
  float* base;
};

struct Kernels {
  int64_t (*scratch_floats)(int dimensions, int centres, int window, int negatives, int path);
  void (*skipgram_negative)(const Shared&, const Batch&, Scratch);
  void (*cbow_negative)(const Shared&, const Batch&, Scratch);
  void (*skipgram_tree)(const Shared&, const Path&, Scratch);
  void (*cbow_tree)(const Shared&, const Path&, Scratch);
};

}  // namespace recurra::vectors
