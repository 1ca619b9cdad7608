"""`recurra bench`: the library timed beside its peers on this machine, without data.

What recipes learn of real data, and how word vectors fare beside gensim, benchmarks/ measures.
"""
