// Words that stand together more often than chance has it (Mikolov et al., 2013, arXiv 1310.4546, section 4).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace recurra::vectors {

struct Phrase {
  int32_t first;
  int32_t second;
  int64_t count;
  double score;   // (count - least) * words / (count of first * count of second)
};

// Reads a file of word numbers. Pairs are forgotten when more than `most` different ones are held, the rare first.
std::vector<Phrase> find_phrases(const std::string& path, const int64_t* counts, int64_t words, int64_t least,
                                 double threshold, int64_t most);

// Copies a file of word numbers: the pair (first[k], second[k]) becomes the word `words + k`, from the left,
// and kUnknown is left out if `drop_unknown`. Returns the counts of all words and phrases in the copy.
std::vector<int64_t> join_phrases(const std::string& from, const std::string& to, const std::vector<int32_t>& first,
                                  const std::vector<int32_t>& second, int64_t words);

// Copies a file of word numbers: w becomes number[w], and is left out where that is kUnknown.
void renumber(const std::string& from, const std::string& to, const std::vector<int32_t>& number);

}  // namespace recurra::vectors
