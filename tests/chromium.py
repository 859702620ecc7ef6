"""A headless Chromium, driven over its pipe: what a page shows, says on its console and asks of the network."""

import base64
import json
import os
import select
import shutil
import subprocess
import time

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_SECONDS = 60


def found():
    """The path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


class Chromium:
    """One page of a browser that reaches no network; `messages` holds console lines, errors and violations."""

    def __init__(self, profile):
        (self.reads, writes), (reads, self.writes) = os.pipe(), os.pipe()
        command = [found(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        command += ["--no-first-run", "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND"]
        command += ["--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]
        wrapped = ["bash", "-c", f'exec "$@" 3<&{reads} 4>&{writes}', "chromium", *command]
        self.process = subprocess.Popen(wrapped, pass_fds=(reads, writes), stderr=subprocess.DEVNULL)
        os.close(reads)
        os.close(writes)
        self.messages, self.requests, self.loaded, self.number, self.buffer = [], [], False, 0, b""
        targets = self.call("Target.getTargets")["targetInfos"]
        target = next(each["targetId"] for each in targets if each["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.reads)
        os.close(self.writes)

    session = None

    def call(self, method, **parameters):
        """Send a command, and wait for its answer."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session is not None:
            message["sessionId"] = self.session
        os.write(self.writes, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self.number:
            self._note(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def _next(self):
        deadline = time.monotonic() + _SECONDS
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.reads], [], [], max(0, deadline - time.monotonic()))
            part = os.read(self.reads, 1 << 20) if ready else b""
            if not part:
                raise RuntimeError(f"Chromium has not answered; its exit code is {self.process.poll()}")
            self.buffer += part
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def _note(self, event):
        name, about = event.get("method"), event.get("params", {})
        if name == "Runtime.consoleAPICalled":
            self.messages.append(" ".join(str(each.get("value")) for each in about["args"]))
        elif name == "Runtime.exceptionThrown":
            self.messages.append(about["exceptionDetails"]["text"])
        elif name == "Log.entryAdded":
            self.messages.append(about["entry"]["text"])
        elif name == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"])
        elif name == "Page.loadEventFired":
            self.loaded = True

    def open(self, path, width=1200):
        """Show a file in a window of some width, and wait until all of it is there."""
        self.messages, self.requests, self.loaded = [], [], False
        phone = width < 600
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=phone)
        self.call("Page.navigate", url=path.resolve().as_uri())
        while not self.loaded:
            self._note(self._next())

    def evaluate(self, expression):
        """The value of a JavaScript expression."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"]["value"]

    def screenshot(self):
        """All of the page as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"])

    def printed(self):
        """The page as PDF, whatever the window was."""
        self.call("Emulation.clearDeviceMetricsOverride")
        return base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True)["data"])
