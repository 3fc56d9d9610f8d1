"""Finds what a call leaves behind: sockets, threads and warnings, and secrets in logs and errors."""

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
"""Ports of loopback that this process tried to connect to, in order."""


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(args[1], tuple):
        _dialled.append(args[1][1])


sys.addaudithook(_audit)  # the only way to see a dial that nobody answers; it cannot be taken off again


def dials(port: int) -> int:
    """How often this process has dialled a port."""
    return _dialled.count(port)


def open_sockets() -> set[int]:
    """The file descriptors of this process that are sockets."""
    found = set()
    for name in os.listdir("/dev/fd"):
        try:
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                found.add(int(name))
        except OSError:  # the descriptor of the listing itself
            continue
    return found


class Records(logging.Handler):
    """Every record of every logger, as text with all that it carries."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []
        self.warnings: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        carried = {name: value for name, value in vars(record).items() if name not in {"pathname", "exc_info"}}
        trace = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else ""
        self.texts.append(f"{record.getMessage()} {carried!r} {trace}")
        if record.levelno == logging.WARNING:
            self.warnings.append(record.getMessage())


class Watch:
    """Around calls: all logs and warnings, and what they leave behind in sockets and threads."""

    def __init__(self, level: int = logging.DEBUG) -> None:
        self._level = level

    def __enter__(self) -> Watch:
        gc.collect()
        gc.freeze()  # what is here already is not looked at again: a collection takes a tenth of a second otherwise
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
        gc.collect()  # what was dropped unclosed warns now
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


def family(error: BaseException) -> Iterator[BaseException]:
    """The error, its causes and contexts, and theirs."""
    seen: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        found = todo.pop()
        if found is not None and found not in seen:
            seen.append(found)
            todo += [found.__cause__, found.__context__, *getattr(found, "exceptions", ())]
    return iter(seen)


def hiding_places(error: BaseException) -> Iterator[tuple[str, str]]:
    """Every place where an error may hold a secret, with what stands there."""
    seen: dict[int, int] = {}
    for found in family(error):
        name = type(found).__name__
        yield f"str({name})", str(found)
        yield f"repr({name})", repr(found)
        yield f"traceback of {name}", "".join(traceback.format_exception(found))
        yield from inside((found.args, vars(found)), name)
        for frame in frames(found.__traceback__):
            for variable, value in frame.f_locals.items():
                yield from ((f"local {variable} of {frame.f_code.co_qualname}", text) for text in shown(value, seen))
    yield "pickle", pickle.dumps(error).decode("latin-1")


def frames(trace: TracebackType | None) -> Iterator[FrameType]:
    """The frames of a traceback without those of these tests, which hold the key."""
    while trace is not None:
        if os.path.dirname(trace.tb_frame.f_code.co_filename) != HERE:
            yield trace.tb_frame
        trace = trace.tb_next


def shown(value: object, seen: dict[int, int], depth: int = 4) -> Iterator[str]:
    """A value as debuggers and error reporters print it: containers and records opened, the rest by `repr`.

    `seen` has the depth to which each object was opened before: the frames of a traceback share most of theirs.
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


def inside(value: object, place: str, depth: int = DEEP) -> Iterator[tuple[str, str]]:
    """A value and everything that it holds, attributes without a `repr` included."""
    if isinstance(value, type | ModuleType | TracebackType | FrameType | FunctionType | BuiltinFunctionType):
        return
    yield place, value.decode("latin-1") if isinstance(value, bytes | bytearray) else repr(value)
    if not depth:
        return
    slots = [slot for cls in type(value).__mro__ for slot in getattr(cls, "__slots__", ())]
    held = {**getattr(value, "__dict__", {}), **{s: getattr(value, s, None) for s in slots if isinstance(s, str)}}
    for name, member in held.items():
        yield from inside(member, f"{place}.{name}", depth - 1)
    for member in _members(value):
        yield from inside(member, f"{place}[]", depth - 1)
