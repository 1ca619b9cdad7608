"""Text: vocabularies, tokenizers, labels, spans, trees."""
