// Counting the words of a text, and turning words into numbers.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace recurra::vectors {

// Words of one text, each once, with how often it came. Memory: the bytes of the words + 16 a word + 4 a slot.
class WordTable {
 public:
  WordTable();

  int64_t size() const { return int64_t(counts_.size()); }
  std::string_view word(int64_t id) const {
    return {bytes_.data() + starts_[id], size_t(starts_[id + 1] - starts_[id])};
  }
  const std::vector<int64_t>& counts() const { return counts_; }

  int64_t add(std::string_view word, int64_t count);   // the word's number
  int64_t find(std::string_view word) const;           // -1 where it is unknown
  void reserve(int64_t words, int64_t bytes);

 private:
  uint64_t slot_of(std::string_view word) const;
  void grow();

  std::vector<char> bytes_;
  std::vector<int64_t> starts_;
  std::vector<int64_t> counts_;
  std::vector<int32_t> slots_;                         // word number, or -1
};

inline bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Calls word(view) for every run of bytes without ASCII white space, and line() at every line feed.
template <class Word, class Line>
void split(std::string_view text, Word word, Line line) {
  const char* p = text.data();
  const char* end = p + text.size();
  while (p < end) {
    if (!is_space(*p)) {
      const char* from = p;
      while (p < end && !is_space(*p)) ++p;
      word(std::string_view(from, size_t(p - from)));
    } else {
      if (*p == '\n') line();
      ++p;
    }
  }
}

constexpr int32_t kSentenceEnd = -1;
constexpr int32_t kUnknown = -2;

class Counter {
 public:
  void feed(std::string_view text);
  void merge(const Counter& other);
  void add(std::string_view word, int64_t count) { table_.add(word, count); total_ += count; }
  // The most frequent first, words of equal frequency in byte order; rarer than `min_count` left out.
  WordTable sorted(int64_t min_count) const;
  const WordTable& table() const { return table_; }
  int64_t total() const { return total_; }

 private:
  WordTable table_;
  int64_t total_ = 0;
};

// Numbers of the words of `text`; kSentenceEnd at line ends (never twice in a row), and for unknown words
// kUnknown if `mark_unknown`, else nothing.
std::vector<int32_t> encode(const WordTable& table, std::string_view text, bool mark_unknown);

}  // namespace recurra::vectors
