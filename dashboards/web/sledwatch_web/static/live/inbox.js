// The inbox: new alerts come in on top, known ones change in place; while somebody reads, new ones wait behind a button.

import { announce } from "./announce.js";
import { enhance } from "./forms.js";
import { calmly, fetchPage, showOpenAlerts, swap } from "./pages.js";
import { listen } from "./stream.js";

const lists = [...document.querySelectorAll("[data-cards]")];
const heldButton = document.querySelector("[data-held]");
const held = new Map();

function here() {
  const address = new URL(location.href);
  address.searchParams.delete("told");
  address.hash = "";
  return address;
}

// Whether a card that comes in above would move something out from under somebody's eyes, pointer or keys.
function reading() {
  return lists.some(
    (list) =>
      list.contains(document.activeElement) || list.matches(":hover") || list.querySelector("details[open]") !== null,
  ) || scrollY > 60;
}

// Cards that are here change in place, whatever list they belong to now: nothing leaves while it is looked at.
function apply(page) {
  for (const fresh of page.querySelectorAll("[data-cards] > [data-key]")) {
    const card = document.getElementById(fresh.id);
    if (!card) arrive(fresh);
    else if (card.innerHTML !== fresh.innerHTML) swap(card, fresh);
  }
  const badge = page.querySelector(".badge");
  if (badge) showOpenAlerts(badge.dataset.openAlerts);
}

function arrive(fresh) {
  const list = fresh.closest("[data-cards]").dataset.cards;
  if (!document.getElementById(`cards-${list}`)) return;
  if (!held.has(fresh.id) && list === "waiting") {
    announce(`New: ${fresh.querySelector("article").getAttribute("aria-label")}. ${text(fresh, ".message")}`);
  }
  held.set(fresh.id, { fresh, list });
  if (reading()) showHeld();
  else letIn();
}

const text = (node, selector) => node.querySelector(selector)?.textContent.trim() ?? "";

function showHeld() {
  const waiting = [...held.values()].filter((one) => one.list === "waiting").length;
  heldButton.hidden = waiting === 0;
  heldButton.textContent = waiting === 1 ? "Show 1 new alert" : `Show ${waiting} new alerts`;
}

function letIn() {
  const coming = [...held.values()];
  held.clear();
  // The page lists the newest first: put in from the last to the first, each on top.
  for (const { fresh, list } of coming.reverse()) {
    if (document.getElementById(fresh.id)) continue;
    const card = document.importNode(fresh, true);
    card.classList.add("fresh");
    document.getElementById(`cards-${list}`).prepend(card);
    document.querySelector(`[data-empty="${list}"]`).hidden = true;
  }
  showHeld();
}

const renew = calmly(async () => apply(await fetchPage(here())), 400);

heldButton.addEventListener("click", () => {
  const first = [...held.values()].find((one) => one.list === "waiting");
  letIn();
  scrollTo({ top: 0 });
  document.getElementById(first?.fresh.id)?.querySelector("button, summary")?.focus({ preventScroll: true });
});
// Once nobody reads any more, what waited comes in by itself.
for (const kind of ["pointerout", "focusout", "toggle", "scrollend"]) {
  document.addEventListener(kind, () => setTimeout(() => held.size && !reading() && letIn(), 300), true);
}

enhance((page, form) => {
  apply(page);
  // What was just done to this card shows on it, even where the page asked for lists it no longer.
  const card = form.closest(".card");
  if (card?.isConnected && !page.getElementById(card.id)) renew();
});
listen({ alert: renew, renew });
