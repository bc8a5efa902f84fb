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
    else if (differs(card, fresh)) swap(card, fresh);
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

// What was unfolded is no difference.
function differs(card, fresh) {
  const plain = card.cloneNode(true);
  for (const fold of plain.querySelectorAll("details[open]")) fold.open = false;
  return plain.innerHTML !== fresh.innerHTML;
}

// A card that the page's own list holds no longer, since its state has changed.
async function follow(key) {
  apply(await fetchPage(`/alerts/${encodeURIComponent(key)}`));
}

const text = (node, selector) => node.querySelector(selector)?.textContent.trim() ?? "";

function showHeld() {
  if (!heldButton) return;
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
    put(document.getElementById(`cards-${list}`), card);
    document.querySelector(`[data-empty="${list}"]`).hidden = true;
  }
  showHeld();
}

// On top, but below what stands above all others.
function put(list, card) {
  const last = [...list.children].filter((one) => one.matches("[data-first]")).at(-1);
  if (last && !card.matches("[data-first]")) last.after(card);
  else list.prepend(card);
}

const renew = calmly(async () => {
  const page = await fetchPage(here());
  apply(page);
  const gone = [...document.querySelectorAll("[data-cards] > [data-key]")].filter((card) => !page.getElementById(card.id));
  // The recent past is cut off by the page; only what still asks for somebody can have gone by a change.
  await Promise.all(gone.filter((card) => card.dataset.state === "open").map((card) => follow(card.dataset.key)));
}, 400);

heldButton?.addEventListener("click", () => {
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
  const { id, dataset } = form.closest(".card");
  apply(page);
  // What was done to this card shows on it, even where the page that follows lists it no longer.
  if (!page.getElementById(id)) follow(dataset.key);
});
listen({ alert: renew, renew });
