"""Open a report in headless Chromium without network; fail if anything is wrong with it.

    python tools/open_report.py report.html
    python tools/open_report.py report.html --screenshot page.png --width 400 --dark
    python tools/open_report.py report.html --pdf page.pdf

Exit code 1 when the console logged an error or a warning, a figure was not drawn, the page is
wider than the window, or the page asked for anything but itself. Speaks Chromium's DevTools
protocol over a pipe, so that it needs the standard library only.
"""

import argparse
import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=127.0.0.1:9",
    "--remote-debugging-pipe",
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Browser:
    """A headless Chromium and one page in it, spoken to over a pipe."""

    def __init__(self, program: str, profile: str, *, timeout: float):
        """Start the program with an empty profile; no call may take longer than `timeout`."""
        self.timeout = timeout
        self.events: list[dict] = []
        self._n = 0
        self._buffer = b""
        self._session: str | None = None
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        # Chromium reads commands from 3 and answers on 4. Move ours out of the way first.
        theirs = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in (to_browser, from_browser)]
        for fd in (to_browser, from_browser):
            os.close(fd)

        def connect() -> None:
            os.dup2(theirs[0], 3)
            os.dup2(theirs[1], 4)

        # The output of Chromium itself (dbus, fonts) says nothing about the page.
        self.process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=connect,
            pass_fds=(3, 4),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for fd in theirs:
            os.close(fd)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]

    def call(self, method: str, **params: object) -> dict:
        """Send a command and return its result; events that come meanwhile are kept."""
        self._n += 1
        message: dict[str, object] = {"id": self._n, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        raw = json.dumps(message).encode() + b"\0"
        while raw:
            raw = raw[os.write(self._out, raw) :]
        deadline = time.monotonic() + self.timeout
        while True:
            answer = self._read(deadline)
            if answer.get("id") == self._n:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def evaluate(self, expression: str) -> object:
        """Return the value of a JavaScript expression, awaited if it is a promise."""
        result = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']['text']}")
        return result["result"].get("value")

    def close(self) -> None:
        """End the program."""
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _read(self, deadline: float) -> dict:
        while b"\0" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._in], [], [], left)[0]:
                raise TimeoutError(f"Chromium did not answer within {self.timeout:g} s")
            part = os.read(self._in, 1 << 20)
            if not part:
                raise RuntimeError("Chromium ended without an answer")
            self._buffer += part
        raw, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(raw)


def problems_in(events: list[dict], url: str) -> list[str]:
    """Return what the page logged, threw or asked for that it should not have."""
    found = []
    for event in events:
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            thrown = details.get("exception", {}).get("description", details["text"])
            found.append(f"exception: {thrown}")
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            words = [str(a.get("value", a.get("description", a))) for a in params["args"]]
            found.append(f"console {params['type']}: {' '.join(words)}")
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            found.append(f"log {params['entry']['level']}: {params['entry']['text']}")
        elif method == "Network.requestWillBeSent":
            asked = params["request"]["url"]
            if asked.split("#")[0] != url and not asked.startswith(("data:", "blob:")):
                found.append(f"request: {asked}")
    return found


def open_report(browser: Browser, options: argparse.Namespace) -> list[str]:
    """Load the page, wait for its figures, take the pictures asked for; return the problems."""
    url = options.path.resolve().as_uri()
    for domain in ("Page", "Runtime", "Log", "Network"):
        browser.call(f"{domain}.enable")
    browser.call(
        "Emulation.setDeviceMetricsOverride",
        width=options.width,
        height=900,
        deviceScaleFactor=1,
        mobile=options.width < 700,
    )
    scheme = {"name": "prefers-color-scheme", "value": "dark" if options.dark else "light"}
    browser.call("Emulation.setEmulatedMedia", features=[scheme])
    started = time.monotonic()
    browser.call("Page.navigate", url=url)
    figures = "0/0"
    while time.monotonic() - started < options.timeout:
        ready = browser.evaluate("document.readyState === 'complete' && location.href")
        figures = str(browser.evaluate("document.documentElement.dataset.figures"))
        drawn, _, total = figures.partition("/")
        if ready == url and drawn == total:
            break
        time.sleep(0.05)
    seconds = time.monotonic() - started
    found = []
    if "/" not in figures or figures.split("/")[0] != figures.split("/")[1]:
        found.append(f"figures drawn: {figures}")
    width = browser.evaluate("document.documentElement.scrollWidth")
    if isinstance(width, int) and width > options.width:
        found.append(f"page is {width} pixels wide in a window of {options.width}")
    if options.script:
        print(browser.evaluate(options.script))
    if options.screenshot:
        picture = browser.call("Page.captureScreenshot", captureBeyondViewport=True,
                               clip=_whole_page(browser, options.width))  # fmt: skip
        options.screenshot.write_bytes(base64.b64decode(picture["data"]))
    if options.pdf:
        paper = browser.call("Page.printToPDF", printBackground=True, preferCSSPageSize=True,
                             paperWidth=8.27, paperHeight=11.69)  # fmt: skip
        options.pdf.write_bytes(base64.b64decode(paper["data"]))
    print(f"{options.path.name}: figures {figures}, all drawn {seconds:.1f} s after opening")
    return found + problems_in(browser.events, url)


def _whole_page(browser: Browser, width: int) -> dict[str, float]:
    height = browser.evaluate("document.documentElement.scrollHeight")
    tall = float(height) if isinstance(height, (int, float)) else 900.0
    return {"x": 0, "y": 0, "width": width, "height": tall, "scale": 1}


def main() -> int:
    """Read the arguments, open the page, print the problems."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("path", type=Path, help="the report")
    parser.add_argument("--screenshot", type=Path, help="write the whole page as PNG")
    parser.add_argument("--pdf", type=Path, help="write the page as it prints")
    parser.add_argument("--width", type=int, default=1400, help="of the window, in pixels")
    parser.add_argument("--dark", action="store_true", help="prefer the dark colour scheme")
    parser.add_argument("--script", help="JavaScript expression to print once all is drawn")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds for any one step")
    parser.add_argument("--browser", help="Chromium program; found on the path if not given")
    options = parser.parse_args()
    program = options.browser or next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        print(f"No Chromium found; looked for {', '.join(BROWSERS)}.", file=sys.stderr)
        return 2
    if not options.path.is_file():
        print(f"No such file: {options.path}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile, timeout=options.timeout)
        try:
            found = open_report(browser, options)
        except (RuntimeError, TimeoutError) as error:
            found = [str(error)]
        finally:
            browser.close()
    for problem in found:
        print(f"problem: {problem}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
