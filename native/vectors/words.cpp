#include "words.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <stdexcept>

namespace recurra::vectors {

namespace {

uint64_t hash_of(std::string_view word) {
  uint64_t h = 0x9e3779b97f4a7c15ull ^ word.size();
  const char* p = word.data();
  size_t left = word.size();
  for (; left >= 8; left -= 8, p += 8) {
    uint64_t piece;
    std::memcpy(&piece, p, 8);
    h = (h ^ piece) * 0xff51afd7ed558ccdull;
    h ^= h >> 32;
  }
  uint64_t piece = 0;
  std::memcpy(&piece, p, left);
  h = (h ^ piece) * 0xff51afd7ed558ccdull;
  h ^= h >> 29;
  h *= 0xc4ceb9fe1a85ec53ull;
  return h ^ (h >> 32);
}

}  // namespace

WordTable::WordTable() : starts_{0}, slots_(1024, -1) {}

void WordTable::reserve(int64_t words, int64_t bytes) {
  bytes_.reserve(size_t(bytes));
  starts_.reserve(size_t(words) + 1);
  counts_.reserve(size_t(words));
}

uint64_t WordTable::slot_of(std::string_view word) const {
  const uint64_t mask = slots_.size() - 1;
  uint64_t slot = hash_of(word) & mask;
  while (slots_[slot] >= 0 && this->word(slots_[slot]) != word) slot = (slot + 1) & mask;
  return slot;
}

int64_t WordTable::find(std::string_view word) const { return slots_[slot_of(word)]; }

int64_t WordTable::add(std::string_view word, int64_t count) {
  uint64_t slot = slot_of(word);
  int64_t id = slots_[slot];
  if (id >= 0) {
    counts_[size_t(id)] += count;
    return id;
  }
  id = size();
  if (id >= INT32_MAX) throw std::length_error("more than 2,147,483,647 different words");
  bytes_.insert(bytes_.end(), word.begin(), word.end());
  starts_.push_back(int64_t(bytes_.size()));
  counts_.push_back(count);
  slots_[slot] = int32_t(id);
  if (uint64_t(size()) * 3 > slots_.size() * 2) grow();
  return id;
}

void WordTable::grow() {
  slots_.assign(slots_.size() * 2, -1);
  for (int64_t id = 0; id < size(); ++id) slots_[slot_of(word(id))] = int32_t(id);
}

void Counter::feed(std::string_view text) {
  split(text, [&](std::string_view word) { table_.add(word, 1); ++total_; }, [] {});
}

void Counter::merge(const Counter& other) {
  for (int64_t id = 0; id < other.table_.size(); ++id) table_.add(other.table_.word(id), other.table_.counts()[id]);
  total_ += other.total_;
}

WordTable Counter::sorted(int64_t min_count) const {
  std::vector<int32_t> order;
  int64_t bytes = 0;
  for (int64_t id = 0; id < table_.size(); ++id) {
    if (table_.counts()[id] < min_count) continue;
    order.push_back(int32_t(id));
    bytes += int64_t(table_.word(id).size());
  }
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    const int64_t left = table_.counts()[a], right = table_.counts()[b];
    return left != right ? left > right : table_.word(a) < table_.word(b);
  });
  WordTable result;
  result.reserve(int64_t(order.size()), bytes);
  for (const int32_t id : order) result.add(table_.word(id), table_.counts()[id]);
  return result;
}

std::vector<int32_t> encode(const WordTable& table, std::string_view text, bool mark_unknown) {
  std::vector<int32_t> ids;
  ids.reserve(text.size() / 5);
  split(
      text,
      [&](std::string_view word) {
        const int64_t id = table.find(word);
        if (id >= 0) {
          ids.push_back(int32_t(id));
        } else if (mark_unknown) {
          ids.push_back(kUnknown);
        }
      },
      [&] {
        if (ids.empty() || ids.back() != kSentenceEnd) ids.push_back(kSentenceEnd);
      });
  return ids;
}

}  // namespace recurra::vectors
