"""`recurra bench`: the library timed beside its peers on this machine, without data.

What recipes learn of real data, and word vectors beside gensim, is measured by benchmarks/ beside the package.
"""
