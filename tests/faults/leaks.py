"""Detects leaks of a call: open sockets and threads, warnings, and secrets in logs and errors."""

from __future__ import annotations

import dataclasses
import gc
import logging
import os
import pickle
import stat
import sys
import threading
import traceback
import warnings
from collections.abc import Iterable, Iterator, Mapping
from types import BuiltinFunctionType, FrameType, FunctionType, ModuleType, TracebackType
from typing import Any

import attrs

HERE = os.path.dirname(__file__)
DEEP = 6

_dialled: list[int] = []
"""The port of each connection attempt of this process, in order."""


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(args[1], tuple):
        _dialled.append(args[1][1])


sys.addaudithook(_audit)  # also sees attempts that are refused; an audit hook cannot be removed


def connection_attempts(port: int) -> int:
    """Return the number of connection attempts of this process to a port."""
    return _dialled.count(port)


def open_sockets() -> set[int]:
    """Return the file descriptors of this process that are sockets."""
    found = set()
    for name in os.listdir("/dev/fd"):
        try:
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                found.add(int(name))
        except OSError:  # the descriptor that lists the folder
            continue
    return found


class Records(logging.Handler):
    """Collects all log records as text, with their attributes and tracebacks."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []
        self.warnings: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        attributes = {name: value for name, value in vars(record).items() if name not in {"pathname", "exc_info"}}
        trace = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else ""
        self.texts.append(f"{record.getMessage()} {attributes!r} {trace}")
        if record.levelno == logging.WARNING:
            self.warnings.append(record.getMessage())


class Watch:
    """A context that collects logs and warnings, and afterwards the sockets and threads that are left open."""

    def __init__(self, level: int = logging.DEBUG) -> None:
        self._level = level

    def __enter__(self) -> Watch:
        gc.collect()
        gc.freeze()  # later collections skip existing objects, which saves 0.1 s each
        self._sockets = open_sockets()
        self._threads = set(threading.enumerate())
        self.records = Records()
        self._levels = {logger: (logger.level, logger.propagate) for logger in _loggers()}
        for logger in self._levels:
            logger.setLevel(self._level)
            logger.propagate = True
        logging.getLogger().addHandler(self.records)
        self._catcher = warnings.catch_warnings(record=True)
        self._caught = self._catcher.__enter__()
        warnings.simplefilter("always")
        return self

    def __exit__(self, *_: object) -> None:
        gc.collect()  # unclosed resources emit their warnings now
        self._catcher.__exit__(None, None, None)
        logging.getLogger().removeHandler(self.records)
        for logger, (level, propagate) in self._levels.items():
            logger.setLevel(level)
            logger.propagate = propagate
        self.warnings = [f"{w.category.__name__}: {w.message}" for w in self._caught]
        left = [w for w in self.warnings if w.startswith(("ResourceWarning", "RuntimeWarning"))]
        self.leaks = [
            *left,
            *(f"socket {fd}" for fd in open_sockets() - self._sockets),
            *(f"thread {thread.name}" for thread in set(threading.enumerate()) - self._threads),
        ]


def _loggers() -> list[logging.Logger]:
    known = logging.root.manager.loggerDict.values()
    return [logging.root, *(logger for logger in known if isinstance(logger, logging.Logger))]


def error_chain(error: BaseException) -> Iterator[BaseException]:
    """Return an error with all its causes, contexts and members of groups, recursively."""
    seen: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        found = todo.pop()
        if found is not None and found not in seen:
            seen.append(found)
            todo += [found.__cause__, found.__context__, *getattr(found, "exceptions", ())]
    return iter(seen)


def exposed_texts(error: BaseException) -> Iterator[tuple[str, str]]:
    """Yield each place where an error may contain a secret, with its text."""
    seen: dict[int, int] = {}
    for found in error_chain(error):
        name = type(found).__name__
        yield f"str({name})", str(found)
        yield f"repr({name})", repr(found)
        yield f"traceback of {name}", "".join(traceback.format_exception(found))
        yield from contents((found.args, vars(found)), name)
        for frame in frames(found.__traceback__):
            for variable, value in frame.f_locals.items():
                yield from ((f"local {variable} of {frame.f_code.co_qualname}", text) for text in shown(value, seen))
    yield "pickle", pickle.dumps(error).decode("latin-1")


def frames(trace: TracebackType | None) -> Iterator[FrameType]:
    """Yield the frames of a traceback, except those of these tests, which contain the key."""
    while trace is not None:
        if os.path.dirname(trace.tb_frame.f_code.co_filename) != HERE:
            yield trace.tb_frame
        trace = trace.tb_next


def shown(value: object, seen: dict[int, int], depth: int = 4) -> Iterator[str]:
    """Yield the text of a value and its members as debuggers show them: containers and records in depth.

    `seen` maps the id of an object to the depth shown before, because the frames of a traceback share most objects.
    """
    if seen.get(id(value), -1) >= depth:
        return
    seen[id(value)] = depth
    yield repr(value)
    if depth:
        for member in _members(value):
            yield from shown(member, seen, depth - 1)


def _members(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | set | frozenset):
        return value
    kind: Any = type(value)
    if attrs.has(kind):
        return [getattr(value, field.name, None) for field in attrs.fields(kind) if field.repr]
    if dataclasses.is_dataclass(value):
        return [getattr(value, f.name, None) for f in dataclasses.fields(value) if f.repr]
    return []


def contents(value: object, place: str, depth: int = DEEP) -> Iterator[tuple[str, str]]:
    """Yield the text of a value and all its attributes and members, also of those that `repr` omits."""
    if isinstance(value, type | ModuleType | TracebackType | FrameType | FunctionType | BuiltinFunctionType):
        return
    yield place, value.decode("latin-1") if isinstance(value, bytes | bytearray) else repr(value)
    if not depth:
        return
    slots = [slot for cls in type(value).__mro__ for slot in getattr(cls, "__slots__", ())]
    attributes = {**getattr(value, "__dict__", {}), **{s: getattr(value, s, None) for s in slots if isinstance(s, str)}}
    for name, member in attributes.items():
        yield from contents(member, f"{place}.{name}", depth - 1)
    for member in _members(value):
        yield from contents(member, f"{place}[]", depth - 1)
