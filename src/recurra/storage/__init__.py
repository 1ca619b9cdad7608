"""Storage: files written whole or not at all, JSON, tensors, and models on disk; one way each."""
