#include "phrases.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <unordered_map>

#include "words.h"

namespace recurra::vectors {

namespace {

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

File open(const std::string& path, const char* mode) {
  File file(std::fopen(path.c_str(), mode));
  if (!file) throw std::runtime_error(path + ": cannot be opened: " + std::strerror(errno));
  return file;
}

template <class Use>
void each(const std::string& path, Use use) {
  const File file = open(path, "rb");
  std::vector<int32_t> block(1 << 16);
  while (const size_t n = std::fread(block.data(), 4, block.size(), file.get()))
    for (size_t k = 0; k < n; ++k) use(block[k]);
}

class Writer {
 public:
  explicit Writer(const std::string& path) : path_(path), file_(open(path, "wb")) { block_.reserve(kBlock); }
  void put(int32_t word) {
    if (word == kSentenceEnd && last_ == kSentenceEnd) return;
    last_ = word;
    block_.push_back(word);
    if (block_.size() == kBlock) flush();
  }
  void finish() {
    flush();
    if (std::fflush(file_.get()) != 0) throw std::runtime_error(path_ + ": " + std::strerror(errno));
  }

 private:
  static constexpr size_t kBlock = 1 << 16;
  void flush() {
    if (std::fwrite(block_.data(), 4, block_.size(), file_.get()) != block_.size())
      throw std::runtime_error(path_ + ": " + std::strerror(errno));
    block_.clear();
  }
  std::string path_;
  File file_;
  std::vector<int32_t> block_;
  int32_t last_ = kSentenceEnd;
};

uint64_t key_of(int32_t a, int32_t b) { return uint64_t(uint32_t(a)) << 32 | uint32_t(b); }

}  // namespace

std::vector<Phrase> find_phrases(const std::string& path, const int64_t* counts, int64_t words, int64_t least,
                                 double threshold, int64_t most) {
  std::unordered_map<uint64_t, int64_t> pairs;
  int32_t last = kSentenceEnd;
  int64_t total = 0, forgotten = 0;
  each(path, [&](int32_t word) {
    if (word >= 0) ++total;
    if (word >= 0 && last >= 0) {
      ++pairs[key_of(last, word)];
      while (int64_t(pairs.size()) > most) {
        ++forgotten;
        for (auto it = pairs.begin(); it != pairs.end();) it = it->second <= forgotten ? pairs.erase(it) : ++it;
      }
    }
    last = word;
  });
  std::vector<Phrase> found;
  for (const auto& [key, count] : pairs) {
    const int32_t first = int32_t(key >> 32), second = int32_t(key & 0xffffffffu);
    if (first >= words || second >= words) throw std::runtime_error(path + ": a word number beyond the vocabulary");
    const double score = double(count - least) * double(total) / (double(counts[first]) * double(counts[second]));
    if (count >= least && score > threshold) found.push_back({first, second, count, score});
  }
  std::sort(found.begin(), found.end(), [](const Phrase& a, const Phrase& b) {
    return a.score != b.score ? a.score > b.score : key_of(a.first, a.second) < key_of(b.first, b.second);
  });
  return found;
}

std::vector<int64_t> join_phrases(const std::string& from, const std::string& to, const std::vector<int32_t>& first,
                                  const std::vector<int32_t>& second, int64_t words) {
  std::unordered_map<uint64_t, int32_t> joined;
  for (size_t k = 0; k < first.size(); ++k) joined[key_of(first[k], second[k])] = int32_t(words + int64_t(k));
  std::vector<int64_t> counts(size_t(words) + first.size(), 0);
  Writer out(to);
  const auto put = [&](int32_t word) {
    if (word >= 0) ++counts.at(size_t(word));
    out.put(word);
  };
  int32_t held = kSentenceEnd;   // a word that the next one may join
  each(from, [&](int32_t word) {
    if (held >= 0 && word >= 0) {
      const auto it = joined.find(key_of(held, word));
      if (it != joined.end()) {
        put(it->second);
        held = kSentenceEnd;
        return;
      }
    }
    if (held >= 0) put(held);
    if (word < 0) put(word);
    held = word;
  });
  if (held >= 0) put(held);
  out.finish();
  return counts;
}

void renumber(const std::string& from, const std::string& to, const std::vector<int32_t>& number) {
  Writer out(to);
  each(from, [&](int32_t word) {
    const int32_t now = word >= 0 ? number.at(size_t(word)) : word;
    if (now != kUnknown) out.put(now);
  });
  out.finish();
}

}  // namespace recurra::vectors
