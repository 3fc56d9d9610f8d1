"""Adds operations of any OpenAPI document to openapi.yaml, one at a time, and calls each; see --help.

Each operation is generated with the schemas that it references (with --together, all in one package). It is called
sync and async, with the required and with all arguments, on a loopback server that responds as the document declares,
and it must raise the class of each documented error. Prints the counts, and a line for each operation that is rejected,
fails, or returns an object of another class than the document declares.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import multiprocessing
import sys
import tempfile
import threading
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "overlay"), str(ROOT / "tests")]

from evolution.samples import Samples  # noqa: E402

from codegen import __main__ as codegen  # noqa: E402
from codegen import document, operations, rules  # noqa: E402

IGNORED = {"accept", "authorization", "content-type"}  # as parameters, says the specification
FILE = b"\x00\xff file"


class Outcome(NamedTuple):
    """What became of one operation: "refused", "failed" or "called"."""

    operation: str
    state: str
    message: str = ""
    models: tuple[int, int] = (0, 0)  # objects read into the class that the document names, of how many
    errors: int = 0


def merged(ours: Mapping[str, Any], theirs: Mapping[str, Any], path: str, method: str) -> dict[str, Any]:
    """Our document with one operation of theirs, and the components that it reaches."""
    item = theirs["paths"][path]
    operation = {**item[method], "security": item[method].get("security", theirs.get("security", []))}
    shared = {"parameters": item["parameters"]} if "parameters" in item else {}
    shared |= {"servers": item["servers"]} if "servers" in item else {}
    names: dict[str, str] = {}
    added: dict[str, dict[str, Any]] = {}
    schemes = {
        name: {"$ref": f"#/components/securitySchemes/{name}"} for each in operation["security"] for name in each
    }
    for where in document.reached(theirs, [operation, shared, schemes]):
        kind, name = where[1:3]
        known = ours["components"].get(kind, {}).get(name)
        value = document.part(theirs, where[:3])
        other = name if known is None or known == value else f"{name}Foreign"
        names[document.pointer(where[:3])] = document.pointer((*where[:2], other))
        added.setdefault(kind, {})[other] = value
    result = {**ours, "components": {**ours["components"]}, "paths": {**ours["paths"]}}
    for kind, values in _renamed(added, names).items():
        result["components"][kind] = {**ours["components"].get(kind, {}), **values}
    new = _renamed({**shared, method: operation}, names)
    new[method]["security"] = [
        {
            names.get(f"#/components/securitySchemes/{name}", name).rpartition("/")[2]: scopes
            for name, scopes in each.items()
        }
        for each in operation["security"]
    ]
    result["paths"][path] = {**ours["paths"].get(path, {}), **new}
    return result


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    if isinstance(value, str) and value.startswith("#/components/"):
        start = "/".join(value.split("/")[:4])
        return names.get(start, start) + value[len(start) :]
    return value


class Reply(NamedTuple):
    """What the server answers."""

    status: int
    content_type: str
    body: bytes


class Handler(BaseHTTPRequestHandler):
    """Answers with `reply` and keeps the request."""

    protocol_version = "HTTP/1.1"
    reply: Reply
    seen: tuple[str, str, Any, bytes]

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        type(self).seen = (self.command, self.path, self.headers, body)
        status, content_type, content = type(self).reply
        self.send_response(status)
        if content_type:
            self.send_header("Content-Type", content_type)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = do_TRACE = answer

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextlib.contextmanager
def serving() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Drive:
    """Calls one generated operation in every way; raises AssertionError where something is lost."""

    def __init__(self, spec: Mapping[str, Any], path: str, method: str, url: str) -> None:
        from openrouter_embeddings import OpenRouter

        self.samples, self.path, self.method, self.url = Samples(spec), path, method, url
        self.raw = spec["paths"][path][method]
        self.shared = spec["paths"][path].get("parameters", ())
        identity = str(self.raw.get("operationId") or f"{method}_{path}")
        tag = (self.raw.get("tags") or ["default"])[0]
        module = vars(import_module(f"openrouter_generated.api.{codegen.package.tag_name(tag)}"))
        (self.name,) = [name for name, value in module.items() if getattr(value, "id", None) == identity]
        self.operation = module[self.name]
        self.tag, self.client_class = codegen.package.tag_attribute(tag), OpenRouter
        self.models = Counter[tuple[str, str]]()

    def values(self, full: bool) -> dict[tuple[str, str], Any]:
        """The value of each parameter and member of the body, by location and wire name."""
        found: dict[tuple[str, str], Any] = {}
        for item in map(self.samples.resolve, [*self.shared, *self.raw.get("parameters", ())]):
            if full or item.get("required") or item["in"] == "path":
                schema = item.get("schema") or next(iter(item.get("content", {}).values()), {}).get("schema", {})
                found[item["in"], item["name"]] = self.samples.value(schema, full)
        body = self.samples.resolve(self.raw.get("requestBody", {}))
        if self.operation.body and (full or body.get("required") or self.operation.body_required):
            schema = self._body_schema(body)
            value = self.samples.value(schema, full)
            if self.operation.body == "value":
                found["body", "body"] = value
            else:
                found |= {
                    ("body", name): item for name, item in value.items() if name not in ("stream", "stream_options")
                }
        return found

    def _body_schema(self, body: Mapping[str, Any]) -> Any:
        sent = self.operation.content_type
        names = [name for name in body["content"] if operations.essence(name) == sent]
        names += [name for name in body["content"] if operations.kind(name, body["content"][name]) == "json"]
        return body["content"][names[0]].get("schema", {})

    def calls(self) -> None:
        replies = list(self._successes())
        for full in (False, True):
            values = self.values(full)
            for reply, schema in replies:
                for side in ("sync", "async"):
                    result = self._call(side, values, reply)
                    self._check_request(values)
                    self._check_result(result, reply, schema)
        if any(parameter.sends_null for parameter in self.operation.parameters):
            nulls = {("body", p.name): None for p in self.operation.parameters if p.sends_null}
            self._call("sync", {**self.values(False), **nulls}, replies[0][0])
            assert json.loads(Handler.seen[3]).items() >= {name: None for _, name in nulls}.items(), "a null is lost"

    def errors(self) -> int:
        """Every documented error status raises its class, with its data."""
        from openrouter_embeddings import errors

        count = 0
        for status in self.raw.get("responses", {}):
            if str(status).isdigit() and int(status) >= 400:
                body = json.dumps({"error": {"code": int(status), "message": "what happened"}}).encode()
                with contextlib.suppress(errors.APIStatusError):
                    self._call("sync", self.values(False), Reply(int(status), "application/json", body))
                    raise AssertionError(f"{status} raises nothing")
                count += 1
        return count

    def _successes(self) -> Iterator[tuple[Reply, Any]]:
        responses = self.raw["responses"]
        good = [status for status in responses if str(status)[0] == "2"] or ["default"]
        for status in good:
            code = int(status) if str(status).isdigit() else 200
            content = self.samples.resolve(responses[status]).get("content") or {}
            kinds = {name: operations.kind(name, content[name]) for name in content}
            for name, kind in kinds.items():
                if kind == "json" and self.method != "head" and code not in (204, 205):
                    schema = content[name].get("schema", {})
                    for full in (False, True):
                        text = json.dumps(self.samples.value(schema, full)).encode()
                        yield Reply(code, "application/json" if "*" in name else name, text), schema
                    break
            else:
                name = next((name for name, kind in kinds.items() if kind != "stream"), "")
                is_empty = not name or self.method == "head" or code in (204, 205)
                yield Reply(code, name.replace("*", "x"), b"" if is_empty else b"some \xc3\xa9 bytes"), None

    def _call(self, side: str, values: Mapping[tuple[str, str], Any], reply: Reply) -> Any:
        Handler.reply = reply
        arguments = {}
        for parameter in self.operation.parameters:
            location = "body" if parameter.location == "file" else parameter.location
            if (location, parameter.name) in values:
                value = values[location, parameter.name]
                arguments[parameter.argument] = value
                if parameter.location == "file":
                    arguments[parameter.argument] = [FILE] if parameter.schema.get("type") == "array" else FILE
        missing = {name for _, name in values} - {parameter.name for parameter in self.operation.parameters}
        assert {name.lower() for name in missing} <= IGNORED, f"no argument for {missing}"

        async def call_async() -> Any:
            async with self.client_class(api_key="k", server_url=self.url, retry_config=None) as client:
                return await getattr(getattr(client, self.tag), f"{self.name.lower()}_async")(**arguments)

        if side == "async":
            return asyncio.run(call_async())
        with self.client_class(api_key="k", server_url=self.url, retry_config=None) as client:
            return getattr(getattr(client, self.tag), self.name.lower())(**arguments)

    def _check_request(self, values: Mapping[tuple[str, str], Any]) -> None:
        command, target, headers, body = Handler.seen
        assert command == self.method.upper()
        query = parse_qsl(urlsplit(target).query, keep_blank_values=True)
        for (location, name), value in values.items():
            items = value if isinstance(value, list) else [value]
            if location == "query" and not isinstance(value, dict) and value not in ([], None):
                assert any(name in key for key, _ in query), f"{name} is not in the query"
                if isinstance(value, str):
                    assert (name, value) in query, f"{name} is changed in the query"
            if location == "header" and items and name.lower() not in IGNORED:
                assert headers[name] is not None, f"the header {name} is missing"
        sent = {name: value for (location, name), value in values.items() if location == "body"}
        if self.operation.body == "fields" and self.operation.content_type == "application/json" and (sent or body):
            assert json.loads(body) == sent, "the body differs"
        if self.operation.content_type == "multipart/form-data" and body:
            head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
            parts = BytesParser().parsebytes(head + body).get_payload()
            found = {part.get_param("name", header="Content-Disposition") for part in parts}
            wanted = {name for name, value in sent.items() if value not in ([], {})}
            assert wanted <= found, f"parts {wanted - found} are missing"

    def _check_result(self, result: Any, reply: Reply, schema: Any) -> None:
        from openrouter_generated.types import to_jsonable

        if schema is not None:
            assert to_jsonable(result) == json.loads(reply.body), "the result differs from the answer"
            self.models.update(self.samples.objects(result, schema))
        elif reply.body and self.method != "head":
            assert result in (reply.body, reply.body.decode()), "the result differs from the answer"
        else:
            assert result in (None, b"", "")


class Job(NamedTuple):
    """A document, and the operations of it to call, each a path and a method."""

    spec: dict[str, Any]
    operations: list[tuple[str, str]]


def drive(job: Job) -> list[Outcome]:
    """Generate the package of a document and call its operations, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            if findings := rules.check(job.spec):
                raise document.SpecificationError(*findings)
            out = Path(folder) / "openrouter_generated"
            codegen.generate(job.spec, out, ROOT / "overlay" / "openrouter_embeddings")
        except document.SpecificationError as error:
            return [Outcome(f"{method.upper()} {path}", "refused", str(error)) for path, method in job.operations]
        except Exception:
            trace = traceback.format_exc(limit=-3)
            return [Outcome(f"{method.upper()} {path}", "failed", trace) for path, method in job.operations]
        sys.path.insert(0, folder)
        with serving() as url:
            return [_call(job.spec, path, method, url) for path, method in job.operations]


def _call(spec: dict[str, Any], path: str, method: str, url: str) -> Outcome:
    name = f"{method.upper()} {path}"
    try:
        made = Drive(spec, path, method, url)
        made.calls()
        errors = made.errors()
    except Exception as error:
        trace = traceback.format_exc(limit=-2)
        return Outcome(name, "failed", f"{type(error).__name__}: {str(error)[:300]}\n{trace}")
    copies = [f"{found} in place of {expected}" for expected, found in made.models if expected != found]
    right = sum(count for (expected, found), count in made.models.items() if expected == found)
    return Outcome(name, "called", "; ".join(copies), (right, made.models.total()), errors)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("document", type=Path, help="an OpenAPI document, YAML or JSON")
    parser.add_argument("--only", default="", help="a part of the operations' names, such as 'GET /things'")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take each N-th operation only")
    parser.add_argument("--jobs", type=int, default=2, help="processes (%(default)s)")
    parser.add_argument("--together", action="store_true", help="generate one package with all of these operations")
    options = parser.parse_args()
    ours, theirs = document.load(ROOT / "openapi.yaml"), document.load(options.document)
    operations = [
        (path, method)
        for (_, path, method), _ in document.operations(theirs)
        if method not in ours["paths"].get(path, {}) and options.only in f"{method.upper()} {path}"
    ][:: options.every]
    if options.together:
        for operation in operations:
            ours = merged(ours, theirs, *operation)
        jobs = [Job(ours, operations)]
    else:
        jobs = [Job(merged(ours, theirs, *operation), [operation]) for operation in operations]
    context = multiprocessing.get_context("fork")
    outcomes = []
    with context.Pool(options.jobs, maxtasksperchild=1) as pool:
        for outcome in itertools.chain.from_iterable(pool.imap(drive, jobs, chunksize=1)):
            outcomes.append(outcome)
            if outcome.message:
                print(f"{outcome.state}: {outcome.operation}: {outcome.message}", flush=True)
    states = Counter(outcome.state for outcome in outcomes)
    right, total = (sum(outcome.models[i] for outcome in outcomes) for i in (0, 1))
    print(
        f"{len(outcomes)} operations: {states['called']} called, {states['refused']} refused, {states['failed']} failed"
    )
    print(f"{right} of {total} objects are of the class that the document names")
    print(f"{sum(outcome.errors for outcome in outcomes)} documented errors raise their class")


if __name__ == "__main__":
    main()
