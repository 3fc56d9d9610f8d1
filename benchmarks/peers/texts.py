"""The texts that are embedded. No imports: workers load this before anything is measured."""

MODEL = "benchmark/embedding"
DIMENSIONS = 1536
MARKER = "<#"  # once in every text, so that the server can count them without parsing


def text(index: int) -> str:
    """About 200 characters, no two alike."""
    return (
        f"{MARKER}{index}> "
        + "A passage of the length that people cut documents into before they embed them, " * 2
        + "x" * 32
    )
