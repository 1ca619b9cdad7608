// A run over the nodes of trees, level by level: a loop whose rows read any earlier rows by index.
//
// Rows are nodes, those of level 0 first, which have no children; within a level they lie tree by tree. Every node has
// one parent at most, so in the backward run one row alone adds to the gradient of another: no two threads write to the
// same one, and the numbers do not depend on how many threads there are. A thread has whole trees to itself and waits
// for no other one.
//
// The program of a node has no states. What it reads of its children are inputs, which are filled before their level
// runs; what a parent reads of it are outputs. Backwards it is the other way round.
#pragma once
#include <cstdint>
#include <vector>

#include "call.h"

namespace recurra {

// How the nodes hang together: numbers of rows.
struct Trees {
  const int64_t* level_sizes;
  long levels;
  long nodes, count;    // N, and how many trees
  const int64_t* tree;  // [N]: of each row; does not fall within a level
  // of a program with slots:
  long slots;               // 0: it reads sums over children instead
  const int64_t* children;  // [N, slots]: N where there is none
  // of a program with sums:
  long edges;              // E, sorted by parent
  const int64_t* child;    // [E]
  const int64_t* parent;   // [E]
  const int64_t* first;    // [N + 1]: the first edge of each row

  // Throws std::invalid_argument where a number does not exist or a child does not lie in a lower level.
  void check() const;
};

// Which arrays of the calls are what; -1: there is none. S slots, L leaves of a state, K sums.
struct ForestPlan {
  bool backward;
  std::vector<int> states;  // [L]: arrays of the node call: its own state, or the gradient of that
  std::vector<int> reads;   // [S L], slot by slot, or [K]: what the node reads of its children, or the gradient of that
  std::vector<int> edge_states, edge_sums;  // [L], [K] of the edge call: what it reads and makes, or their gradients
  // Lines of the node's program that multiply what is all zeros at level 0, where it is the same for all rows; and in the
  // backward run those that only the gradients of children are made by, of which level 0 has none.
  std::vector<int> same_lines, idle_lines;
};

// missing: of each leaf of a state, what is in an empty slot: [1, width] with a stride of 0, or a row for each tree.
// first_rows, edge_first_rows: see Call::around. The arguments of the edge call are not looked at where there is none.
template <class T>
CallSeconds run_forest(const Trees& trees, const ForestPlan& plan, const Call<T>& node, const CallArguments<T>& with,
                       const std::vector<long>& first_rows, const Call<T>* edge, const CallArguments<T>& edge_with,
                       const std::vector<long>& edge_first_rows, const std::vector<Strided<const T>>& missing, int threads);

}  // namespace recurra
