"""Any number of texts -> one matrix."""

from .job import Progress, TextError, Usage
from .results import EmbedResult, EmbedStream, EmbedStreamAsync
from .session import DEFAULTS, EmbedOptions, Session
from .workers import arun, run

__all__ = [
    "DEFAULTS",
    "EmbedOptions",
    "EmbedResult",
    "EmbedStream",
    "EmbedStreamAsync",
    "Progress",
    "TextError",
    "Usage",
]


def embed(caller, texts, options):
    session = Session(caller, options)
    with session.embedding(texts) as (job, rows):
        for positions, vectors in run(job, session.send):
            rows.put(positions, vectors)
    return EmbedResult(*rows.finished([e.position for e in job.stats.errors], session.keeps_failed), job)


async def embed_async(caller, texts, options):
    session = Session(caller, options, "embed_async")
    with session.embedding(texts) as (job, rows):
        async for positions, vectors in arun(job, session.send_async):
            rows.put(positions, vectors)
    return EmbedResult(*rows.finished([e.position for e in job.stats.errors], session.keeps_failed), job)


def embed_iter(caller, texts, options):
    session = Session(caller, options, "embed_iter")
    return EmbedStream(session, session.streaming(texts))


def embed_iter_async(caller, texts, options):
    session = Session(caller, options, "embed_iter_async")
    return EmbedStreamAsync(session, session.streaming(texts))
