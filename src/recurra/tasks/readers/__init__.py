"""What a task reads rows from: words, vectors, pictures."""
