"""Texts without end -> vectors: packed, paced, split where refused. The door is `embeddings.Embeddings.embed`."""
