"""A browser that is on the machine already: Debian's chromium, Google Chrome, or what PORTCULLIS_CHROMIUM names.

Playwright drives it; its own download of a browser is never used.
"""

import contextlib
import os
import pathlib
import shutil

from playwright.sync_api import sync_playwright

from harness.places import TARGET

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APPS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
MISSING = "no Chromium is here: install it (Debian: apt install chromium), or name one in PORTCULLIS_CHROMIUM"
#: What the pages look like, to be looked at.
PICTURES = TARGET / "pages"
NO_AXE = "no axe-core is here: install Node.js 20 or later, then make test-page"
AXE = TARGET / "axe" / "node_modules" / "axe-core" / "axe.min.js"


def executable():
    """The browser's path, or None."""
    named = os.environ.get("PORTCULLIS_CHROMIUM")
    if named:
        return named
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return found or next((app for app in APPS if pathlib.Path(app).is_file()), None)


class Browser:
    """Pages of one browser. Whatever a page complains of is in its `complaints`."""

    def __init__(self, chromium):
        self._chromium = chromium

    @contextlib.contextmanager
    def open(self, url, width=1280, height=900, scheme="light"):
        """A page in a context of its own, with the answer to its request in `answer`."""
        context = self._chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        try:
            context.set_default_timeout(10_000)
            page = context.new_page()
            page.complaints = []
            page.on("console", lambda said: page.complaints.append(said.text))
            page.on("pageerror", lambda error: page.complaints.append(str(error)))
            page.on("requestfailed", lambda request: page.complaints.append(f"{request.url}: {request.failure}"))
            page.answer = page.goto(url)
            yield page
        finally:
            context.close()


@contextlib.contextmanager
def browser():
    """Starts the browser. Root has no sandbox to give it, as in most containers."""
    path = executable()
    if path is None:
        raise FileNotFoundError(MISSING)
    sandboxed = not (hasattr(os, "geteuid") and os.geteuid() == 0)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, chromium_sandbox=sandboxed)
        try:
            yield Browser(chromium)
        finally:
            chromium.close()


def screenshot(page, name):
    """The whole page, as target/pages/NAME.png."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    path = PICTURES / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    return path


def overflow(page):
    """What makes the page wider than the window, and by how many pixels; empty if nothing does."""
    return page.evaluate(
        """() => {
            const wide = document.documentElement.clientWidth;
            const over = document.documentElement.scrollWidth - wide;
            return over <= 0 ? [] : [...document.querySelectorAll('body *')]
                .filter(element => element.getBoundingClientRect().right > wide + 1)
                .map(element => `${element.tagName} ${element.className}: ${element.textContent.slice(0, 40)}`);
        }"""
    )


def axe(page):
    """What axe-core finds: each rule that is violated, with the elements.

    The page allows no script, so it is run from outside, in the world that Playwright has beside the page's.
    """
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("async () => (await axe.run({resultTypes: ['violations', 'incomplete']}))")
    return [f"{rule['id']}: {node['html']}" for rule in found["violations"] for node in rule["nodes"]]
