"""Trees over the words of sentences, from scores of their parts."""
