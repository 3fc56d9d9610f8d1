"""The texts that the workers embed. It imports nothing, so a worker can load it before it measures an import."""

MODEL = "benchmark/embedding"
DIMENSIONS = 1536
MARKER = "<#"  # once in every text, so that the server can count the texts of a request without parsing it


def text(index: int) -> str:
    """A text of about 200 characters, different for each index."""
    passage = "A passage of the length that people cut documents into before they embed them, " * 2
    return f"{MARKER}{index}> {passage}" + "x" * 32
