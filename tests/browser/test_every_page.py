"""What holds for every page: it fits a phone, works from the keyboard, names its parts, and the console is quiet."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.needs("chromium")

PAGES = [
    "/",
    "/alerts",
    "/alerts?state=silenced",
    "/alerts/" + "a1" * 16,
    "/sessions/S-1",
    "/sessions/S-2",
    "/sessions/S-1/limit?rep=12",
    "/sessions/S-1/sets?chosen=2",
    "/members",
    "/members/m-1042",
    "/members/m-1042/calibrate",
    "/members/m-1042/protocol",
    "/members/m-1042/calibrate/north/press-1",
    "/machines/north/press-1",
    "/machines/north/press-2",
    "/quarantine",
    "/quarantine?state=replayed",
    "/quarantine/4",
    "/quarantine/6",
]

# What is wrong with a page, as far as it can be told without looking: a small part of what axe asks.
FAULTS = """() => {
  const faults = [];
  const named = (node) => (node.getAttribute("aria-label") || node.innerText || node.textContent || "").trim() ||
    (node.labels && node.labels.length) || node.getAttribute("aria-labelledby");
  const parts = "a[href], button, input:not([type=hidden]), textarea, summary, [role=img], [role=region]";
  for (const node of document.querySelectorAll(parts))
    if (!node.closest("[hidden]") && !named(node)) faults.push(`no name: ${node.outerHTML.slice(0, 90)}`);
  let level = 0;
  for (const node of document.querySelectorAll("h1, h2, h3, h4")) {
    const next = Number(node.tagName[1]);
    if (next > level + 1) faults.push(`heading leaps from ${level} to ${next}: ${node.textContent.trim()}`);
    level = next;
  }
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  for (const id of new Set(ids.filter((id, index) => ids.indexOf(id) !== index))) faults.push(`id twice: ${id}`);
  for (const node of document.querySelectorAll("[aria-labelledby], [aria-describedby]"))
    for (const name of ["aria-labelledby", "aria-describedby"])
      if (node.hasAttribute(name) && !document.getElementById(node.getAttribute(name)) && node.tagName !== "DIALOG")
        faults.push(`${name} leads nowhere: ${node.getAttribute(name)}`);
  for (const node of document.querySelectorAll("table.rows"))
    if (!node.querySelector("thead th[scope=col]")) faults.push("a table without column headings");
  for (const name of ["main", "header", "footer"])
    if (document.querySelectorAll(`body > ${name}`).length !== 1) faults.push(`not one ${name}`);
  if (!document.documentElement.lang) faults.push("no language");
  return faults;
}"""

# Targets a thumb can hit (WCAG 2.2: 24 px), but for links within text and in tables.
SMALL = """() => [...document.querySelectorAll("button, .button, nav a, summary, input, textarea")]
  .filter((node) => node.offsetParent && node.type !== "hidden" && node.type !== "radio")
  .filter((node) => { const box = node.getBoundingClientRect(); return box.width < 24 || box.height < 24; })
  .map((node) => node.outerHTML.slice(0, 90))"""


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_a_small_phone_without_scrolling_sideways(visit, path):
    page = visit(360, 740).open(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("path", PAGES)
def test_a_page_names_its_parts(visit, path):
    page = visit(390, 844).open(path)
    assert [] == page.evaluate(FAULTS) + page.evaluate(SMALL)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_console_is_quiet(visit, path, scheme):
    visitor = visit(color_scheme=scheme)
    visitor.open(path).wait_for_load_state("load")
    assert [] == visitor.complaints


def focused(page):
    return page.evaluate("document.activeElement.innerText.trim().split('\\n')[0]")


def tab(page, times=1):
    for _ in range(times):
        page.keyboard.press("Tab")


def test_the_first_tab_stop_skips_to_the_content(visit):
    page = visit().open("/alerts")
    tab(page)
    assert "Skip to the content" == focused(page)
    page.keyboard.press("Enter")
    tab(page)
    assert "Inbox" == focused(page)


def test_an_alert_is_acknowledged_from_the_keyboard_and_the_focus_stays_with_it(visit):
    page = visit().open("/alerts", live=True)
    card = page.locator(".card").first
    card.get_by_role("button", name="Acknowledge").focus()
    page.keyboard.press("Enter")
    expect(card).to_have_attribute("data-state", "acknowledged")
    assert card.evaluate("card => card.contains(document.activeElement)")


def test_a_limit_is_set_from_the_keyboard(visit, floor):
    page = visit().open("/sessions/S-1")
    page.locator('[data-key="1-10"]').get_by_role("link", name="Make this the limit").focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    page.get_by_role("button", name="Set the limit").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#told")).to_contain_text("is the limit now")
    assert 386.0 in [limit["limit_mm"] for limit in floor.limits["m-1042"]]


@pytest.mark.parametrize("path", PAGES)
def test_what_has_the_focus_is_seen(visit, path):
    page = visit().open(path)
    tab(page, 3)
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_a_visitor_who_is_not_signed_in_is_told_where_the_link_is(visit):
    visitor = visit(390, 844)
    visitor.context.clear_cookies()
    page = visitor.open("/members")
    expect(page.get_by_role("heading", name="Open your sign-in link")).to_be_visible()
    expect(page.locator("nav")).to_have_count(0)
