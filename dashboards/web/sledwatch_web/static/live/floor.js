// The floor: tiles follow their machines, the strip the newest alerts.

import { announce } from "./announce.js";
import { calmly, fetchPage, showOpenAlerts } from "./pages.js";
import { listen } from "./stream.js";
import { keyOf, paint } from "./tile.js";

const tiles = new Map();
const strip = () => document.querySelector("[data-strip]");

function collect() {
  for (const tile of document.querySelectorAll(".tile")) tiles.set(tile.dataset.key, tile);
}

function machine(item) {
  const tile = tiles.get(keyOf(item));
  if (!tile) {
    renewFloor();
    return;
  }
  paint(tile, item);
  tally(tile.closest(".hall"));
}

function tally(hall) {
  const all = hall.querySelectorAll(".tile");
  const inState = (state) => [...all].filter((tile) => tile.dataset.state === state).length;
  const offline = inState("offline");
  const text = `${inState("in_use")} of ${all.length} in use${offline ? `, ${offline} offline` : ""}`;
  const field = hall.querySelector("[data-field=tally]");
  if (field.textContent !== text) field.textContent = text;
}

// A machine or a gym that was not here before: fetch the floor and put in what is missing, where it belongs.
const renewFloor = calmly(async () => {
  const page = await fetchPage("/");
  const main = document.getElementById("main");
  for (const hall of page.querySelectorAll(".hall")) {
    const here = document.querySelector(`.hall[data-gym="${CSS.escape(hall.dataset.gym)}"]`);
    const list = here?.querySelector(".tiles");
    if (!list) {
      const whole = document.importNode(hall, true);
      if (here) here.replaceWith(whole);
      else main.append(whole);
      continue;
    }
    let before = null;
    for (const fresh of hall.querySelectorAll(".tile")) {
      let tile = tiles.get(fresh.dataset.key);
      if (!tile) {
        tile = document.importNode(fresh, true);
        if (before) before.after(tile);
        else list.prepend(tile);
      }
      before = tile;
    }
    tally(here);
  }
  if (page.querySelector(".hall")) main.querySelector(":scope > .empty")?.remove();
  collect();
}, 2000);

const renewStrip = calmly(async () => {
  const page = await fetchPage("/alerts/newest");
  const fresh = page.querySelector("[data-strip]");
  const known = new Set([...strip().children].map((one) => one.dataset.key));
  const node = document.importNode(fresh, true);
  const focused = document.activeElement?.closest?.("[data-strip] li")?.dataset.key;
  for (const one of node.children) {
    if (!one.dataset.key || known.has(one.dataset.key)) continue;
    one.classList.add("fresh");
    announce(`New alert: ${one.textContent.replace(/\s+/g, " ").trim()}`);
  }
  strip().replaceWith(node);
  if (focused) node.querySelector(`[data-key="${CSS.escape(focused)}"] a`)?.focus({ preventScroll: true });
  showOpenAlerts(node.dataset.openAlerts);
}, 500);

collect();
listen({
  machine,
  alert: renewStrip,
  renew() {
    renewFloor();
    renewStrip();
  },
});
