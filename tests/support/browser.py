"""A headless Chromium, controlled over the pipe of its DevTools protocol."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
EXECUTABLE = next(filter(None, map(shutil.which, NAMES)), None) if os.name == "posix" else None


class Browser:
    """One page of a browser; use it in a `with` block."""

    def __init__(self, home: Path) -> None:
        assert EXECUTABLE is not None
        commands, self._commands = os.pipe()
        self._messages, messages = os.pipe()
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={home}"]
        # The browser reads commands from descriptor 3 and writes messages to descriptor 4.
        shell = f'exec "$0" "$@" 3<&{commands} 4>&{messages}'
        command = ["bash", "-c", shell, EXECUTABLE, *options, "about:blank"]
        self._process = subprocess.Popen(command, pass_fds=(commands, messages), stderr=subprocess.DEVNULL)
        os.close(commands)
        os.close(messages)
        self._buffer, self._count, self._session = b"", 0, ""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.requested: list[str] = []
        self._call("Network.enable")
        self._call("Page.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait(60)
        os.close(self._commands)
        os.close(self._messages)

    def open(self, url: str, width: int, height: int = 900, theme: str = "light") -> None:
        """Open a page and wait until it is loaded; append the URL of each request to `requested`."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        self._call("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete'")

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression."""
        return self._call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def wait_for(self, expression: str, seconds: float = 120) -> Any:
        """Evaluate an expression until its value is true, and return the value."""
        end = time.monotonic() + seconds
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < end, f"after {seconds} s: {expression}"
            time.sleep(0.05)
        return value

    def type(self, text: str) -> None:
        """Type a text into the focused element."""
        self._call("Input.insertText", text=text)

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot")["data"]))

    def _call(self, method: str, **params: Any) -> Any:
        self._count += 1
        command = {"id": self._count, "method": method, "params": params}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        while True:
            message = self._receive()
            if message.get("method") == "Network.requestWillBeSent":
                self.requested.append(message["params"]["request"]["url"])
            if message.get("id") == self._count:
                assert "error" not in message, message
                return message["result"]

    def _receive(self) -> Any:
        while b"\0" not in self._buffer:
            read = os.read(self._messages, 1 << 20)
            assert read, "the browser has exited"
            self._buffer += read
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)
