// A calibration visit: the depth follows the sled, and the page what the API makes of it. Without JavaScript the page is
// loaded again by hand.

import { announce } from "./announce.js";
import { calmly, fetchPage, swap } from "./pages.js";
import { listen } from "./stream.js";
import { keyOf } from "./tile.js";
import { glide, rest } from "./track.js";
import { mm } from "./words.js";

// Silence, and what others do to the visit, come with no event of this machine.
const LOOK_AGAIN_MS = 4000;
const FRAME_MS = 1000;

const root = document.querySelector("[data-visit]");
const scale = Number(root.dataset.scale);
let leaving = false;
let seenUs = NaN;

const region = (name, page = document) => page.querySelector(`[data-renew=${name}]`);
const depthField = () => document.getElementById("depth");

function machine(item) {
  if (keyOf(item) !== root.dataset.key) return;
  paint(item);
  renew();
}

function paint(item) {
  const field = root.querySelector("[data-field=depth]");
  if (!field) return;
  const sled = root.querySelector("[data-part=sled]");
  const show = (depth) => {
    const text = mm(depth).replace(/\s*mm$/, "");
    if (field.textContent !== text) field.textContent = text;
  };
  if (item.state !== "in_use" || item.user !== root.dataset.user || (item.depth_mm ?? null) === null) {
    rest(sled, 0, scale);
    show(null);
    return;
  }
  // The same frame told again moves nothing.
  if (item.t_us === seenUs) return;
  const gap = (item.t_us - seenUs) / 1000;
  seenUs = item.t_us;
  const way = [...(item.track_mm ?? []).filter((depth) => depth !== null), item.depth_mm];
  glide(sled, way, scale, gap >= 100 && gap <= 3000 ? gap : FRAME_MS, show);
}

const renew = calmly(async () => {
  const page = await fetchPage(location.pathname);
  const fresh = page.querySelector("[data-visit]");
  if (leaving) return;
  if (fresh.dataset.visit !== root.dataset.visit) {
    location.replace(`${location.pathname}?told=${root.dataset.visit === "visit" ? "over" : "begun"}`);
    return;
  }
  const before = { awaiting: region("says")?.dataset.awaiting, rep: region("seen")?.dataset.rep };
  for (const node of page.querySelectorAll("[data-renew]")) {
    const old = region(node.dataset.renew);
    // A form is left alone while it asks the same.
    if (!old || (old.dataset.still !== undefined && old.dataset.still === node.dataset.still)) continue;
    if (old.outerHTML !== node.outerHTML) swap(old, node);
  }
  dress();
  say(before);
}, 1000);

function say(before) {
  const says = region("says");
  const seen = region("seen");
  if (says && says.dataset.awaiting !== before.awaiting) announce(says.textContent.trim());
  else if (seen && seen.dataset.rep !== before.rep) announce(`Last bottom ${mm(Number(seen.dataset.latest))}.`);
}

// What only works with this script is shown by it, and the depth to confirm follows the last bottom.
function dress() {
  for (const button of root.querySelectorAll("[data-take], [data-step], [data-field=follows]")) {
    button.hidden = button.matches("[data-take]") && !depthField();
  }
  const field = depthField();
  const latest = region("seen")?.dataset.latest;
  if (field && latest && field.dataset.touched === undefined) field.value = latest;
  showChosen();
}

function showChosen() {
  const field = depthField();
  if (field) root.querySelector("[data-field=chosen]").textContent = field.value ? `: ${field.value}\u00a0mm` : "";
}

function take(value) {
  const field = depthField();
  field.value = value;
  field.dataset.touched = "";
  showChosen();
}

root.addEventListener("click", (event) => {
  const taken = event.target.closest("[data-take]");
  const step = event.target.closest("[data-step]");
  if (taken) take(taken.dataset.take);
  if (step) take(Math.max(1, Math.round(Number(depthField().value.replace(",", ".")) || 0) + Number(step.dataset.step)));
});
root.addEventListener("input", (event) => {
  if (event.target === depthField()) take(event.target.value);
});
root.addEventListener("submit", () => {
  leaving = true;
});
addEventListener("pageshow", () => {
  leaving = false;
});

dress();
listen({ machine, rep: renew, renew });
setInterval(renew, LOOK_AGAIN_MS);
