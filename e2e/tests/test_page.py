"""The approval page in a real browser, on a phone and a desk: functions/approval-page/examples/serve.rs serves it."""

import json
import subprocess

import pytest
from harness import browser as harness
from harness.places import binary

#: What serve.rs has links to, and the status of each.
PAGES = {
    "memcached": 200,
    "replicas": 200,
    "shards": 200,
    "deletion": 200,
    "deletion-memcached": 200,
    "server": 200,
    "hostile": 200,
    "answered": 200,
    "stuck": 200,
    "changed": 409,
    "gone": 404,
    "expired": 410,
    "forged": 403,
}
WIDTHS = (320, 768, 1280)


@pytest.fixture(scope="module")
def links():
    """The links of the mails, by what they lead to."""
    with subprocess.Popen([binary("serve")], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.kill()


def complaints(page):
    """What the browser says of the page, but for the status, which is meant."""
    meant = "Failed to load resource: the server responded with a status of 4"
    return [said for said in page.complaints if not said.startswith(meant)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_reads_well_everywhere(browser, links, name, scheme):
    with browser.open(links[name], scheme=scheme) as page:
        assert page.answer.status == PAGES[name]
        assert page.locator("h1").count() == page.locator("main").count() == 1
        page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
        for width in sorted(WIDTHS, reverse=scheme == "light"):
            page.set_viewport_size({"width": width, "height": 800})
            assert harness.overflow(page) == []
            if width != 768:
                harness.screenshot(page, f"{name}-{width}-{scheme}")
        assert harness.axe(page) == []
        assert complaints(page) == []


def test_axe_finds_what_is_wrong(browser, links):
    with browser.open(links["forged"]) as page:
        page.evaluate("document.querySelector('h1').style.color = '#cccccc'")
        page.evaluate("document.querySelector('html').removeAttribute('lang')")
        assert sorted({found.split(":")[0] for found in harness.axe(page)}) == ["color-contrast", "html-has-lang"]


def test_the_policy_lets_nothing_in(browser, links):
    with browser.open(links["hostile"]) as page:
        page.evaluate(
            """() => {
                window.refused = [];
                addEventListener('securitypolicyviolation', event => refused.push(event.effectiveDirective));
                document.body.insertAdjacentHTML('beforeend',
                    '<p id=styled style="color: red">x</p><img src="/x.png" onerror="window.ran = true">');
                const script = document.createElement('script');
                script.textContent = 'window.ran = true';
                document.body.append(script);
            }"""
        )
        page.wait_for_function("window.refused.length >= 4")
        refused = {"img-src", "script-src-attr", "script-src-elem", "style-src-attr"}
        assert set(page.evaluate("window.refused")) == refused
        assert page.evaluate("window.ran") is None
        assert page.locator("#styled").evaluate("p => getComputedStyle(p).color") != "rgb(255, 0, 0)"


def test_a_table_stays_one_when_it_is_stacked(browser, links):
    with browser.open(links["replicas"], width=320) as page:
        changed = page.get_by_role("table", name="Settings that change")
        row = changed.get_by_role("row").filter(has=page.get_by_role("rowheader", name="Port"))
        assert row.get_by_role("rowheader").inner_text().startswith("Port changed")
        assert row.get_by_role("cell").all_inner_texts() == ["Now:\n6379", "Will be:\n47281"]
        tags = changed.get_by_role("row").filter(has=page.get_by_role("rowheader", name="Tags"))
        assert "+" in tags.inner_text() and "new:" in tags.get_by_role("cell").last.text_content()


def test_the_keyboard_is_enough(browser, links):
    with browser.open(links["replicas"], scheme="dark") as page:
        order = []
        for _ in range(9):
            page.keyboard.press("Tab")
            focused = page.evaluate(
                """() => {
                    const at = document.activeElement, style = getComputedStyle(at);
                    return [at.id || at.textContent.trim(), parseFloat(style.outlineWidth) >= 2 && style.outlineStyle];
                }"""
            )
            assert focused[1] == "solid", focused
            order.append(focused[0])
        assert order == [
            "Go to your answer",
            "Carried over as they are: 19 settings",
            "Neither used nor sent",
            "approve-name",
            "approve-reason",
            "Approve the re-creation",
            "reject-name",
            "reject-reason",
            "Reject the re-creation",
        ]


def test_a_person_approves_and_the_next_one_sees_it(browser, links):
    link = links["to-approve"]
    with browser.open(link, width=320) as page, browser.open(link) as late:
        page.get_by_role("button", name="Approve the re-creation").click()
        assert page.locator("#approve-name:invalid").count() == 1, "sent without a name"
        page.locator("#approve-name").fill("Ada <b>Lovelace</b>")
        with page.expect_request(lambda request: request.method == "POST") as sent:
            page.keyboard.press("Enter")
        headers = sent.value.all_headers()
        assert headers["sec-fetch-site"] == "same-origin"
        assert headers.get("origin") == "null" and "referer" not in headers
        page.get_by_role("heading", name="Approved: the re-creation of legacy-jobs").wait_for()
        assert page.get_by_text("Ada <b>Lovelace</b> (from 203.0.113.7)").count() == 1
        harness.screenshot(page, "recorded-320-light")
        assert harness.axe(page) == []
        page.go_back()
        page.get_by_role("heading", name="Already answered").wait_for()
        assert page.locator("form").count() == 0
        late.locator("#reject-name").fill("Eve")
        late.locator("#reject-reason").fill("changed my mind")
        late.get_by_role("button", name="Reject the re-creation").click()
        late.get_by_role("heading", name="Already answered").wait_for()
        assert "Ada <b>Lovelace</b> (from 203.0.113.7)" in late.locator(".lede").inner_text()
        assert complaints(page) == complaints(late) == []


def test_a_person_rejects_with_a_reason(browser, links):
    with browser.open(links["to-reject"]) as page:
        page.locator("#reject-name").fill("Ada")
        page.get_by_role("button", name="Reject the re-creation").click()
        assert page.locator("#reject-reason:invalid").count() == 1, "sent without a reason"
        page.evaluate("document.querySelectorAll('[required]').forEach(field => field.required = false)")
        page.get_by_role("button", name="Reject the re-creation").click()
        page.get_by_role("alert").wait_for()
        assert page.locator("#reject-name").input_value() == "Ada"
        assert harness.axe(page) == []
        harness.screenshot(page, "missing-1280-light")
        page.locator("#reject-reason").fill("not before Monday")
        page.get_by_role("button", name="Reject the re-creation").click()
        page.get_by_role("heading", name="Rejected: the re-creation of legacy-jobs").wait_for()


def test_another_site_cannot_answer(browser, links):
    link = links["shards"]
    with browser.open("about:blank") as page:
        page.set_content(f"<form method=post action='{link}'><input name=name value=Eve><button>win</button></form>")
        with page.expect_navigation() as sent:
            page.get_by_role("button").click()
        assert sent.value.status == 403
        assert page.locator("h1").inner_text() == "This answer came from another site"
    with browser.open(link) as page:
        assert page.locator("form").count() == 2


def test_it_prints_whole_and_without_the_forms(browser, links):
    with browser.open(links["shards"]) as page:
        page.emulate_media(media="print")
        assert not page.locator("form").first.is_visible()
        assert page.get_by_role("table", name="Settings that stay").is_visible()
        path = harness.PICTURES / "shards.pdf"
        page.pdf(path=path, format="A4")
        assert path.read_bytes().startswith(b"%PDF")
