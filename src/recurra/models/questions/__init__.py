"""Models that answer a question from evidence: sentences, a passage, a picture, a recording."""
