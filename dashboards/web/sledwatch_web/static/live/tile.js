// One machine of the floor, painted anew from a `machine` event: the same words and drawing as tiles.py makes.

import { glide, place, RAIL_LENGTH, RAIL_TOP, rest } from "./track.js";
import { kg, mm, sentence, setAndReps, spare } from "./words.js";

const STATES = { free: "Free", in_use: "In use", offline: "Offline" };
const USUAL_TRAVEL_MM = 620;
const RAIL_END = RAIL_TOP + RAIL_LENGTH + 4;
const FRAME_MS = 1000;

export const keyOf = (item) => `${item.gym}/${item.machine}`;

export function judged(item) {
  if (item.limit_mm === null) return "none";
  if (item.over || (item.deepest_mm !== null && item.deepest_mm > item.limit_mm)) return "over";
  if (item.deepest_mm !== null && item.caution_mm !== null && item.deepest_mm >= item.caution_mm) return "caution";
  return "within";
}

function verdict(item) {
  if (item.deepest_mm === null) return "No rep in this set yet";
  if (item.limit_mm === null) return `Deepest ${mm(item.deepest_mm)}`;
  return sentence(spare(item.deepest_mm, item.limit_mm));
}

function limitOf(item) {
  if (item.limit_mm === null) return "No limit set";
  return `${item.limit_tier ? "Limit" : "Protocol"} ${mm(item.limit_mm)}`;
}

// Whole optional fields may be absent; from here on they are null.
function complete(item) {
  const blank = { deepest_mm: null, limit_mm: null, caution_mm: null, depth_mm: null, load_kg: null, set: null };
  return { ...blank, ...item };
}

export function paint(tile, event) {
  const item = complete(event);
  const state = item.state in STATES ? item.state : "offline";
  const inUse = state === "in_use";
  const level = inUse ? judged(item) : "none";
  tile.dataset.state = state;
  tile.dataset.level = level;
  const who = inUse ? item.user_name || item.user || "Somebody" : STATES[state];
  write(tile, "who", who);
  const link = tile.querySelector("[data-field=who]");
  if (inUse && item.session) link.setAttribute("href", `/sessions/${item.session}`);
  else link.removeAttribute("href");
  const said = inUse ? verdict(item) : "";
  write(tile, "verdict", said);
  write(tile, "limit", inUse ? limitOf(item) : seen(tile, item));
  write(tile, "load", inUse ? `${kg(item.load_kg)}${item.tired ? " · tiring" : ""}` : "");
  write(tile, "reps", inUse ? setAndReps(item) : "");
  write(tile, "state", STATES[state]);
  draw(tile, item, inUse, said || STATES[state]);
}

function seen(tile, item) {
  if (item.state !== "offline" || !item.last_seen_at) return "";
  const zone = tile.closest("[data-zone]")?.dataset.zone || undefined;
  const day = { timeZone: zone, dateStyle: "short" };
  const at = new Date(item.last_seen_at);
  // Another day is left to the server's words.
  if (at.toLocaleDateString("en-GB", day) !== new Date().toLocaleDateString("en-GB", day)) return "";
  return `Last seen ${at.toLocaleTimeString("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" })}`;
}

function draw(tile, item, inUse, said) {
  const scale = Math.max(item.travel_mm || USUAL_TRAVEL_MM, (item.limit_mm ?? 0) * 1.05);
  const part = (name) => tile.querySelector(`[data-part=${name}]`);
  const at = (depth) => (inUse && depth !== null ? place(depth, scale) : null);
  const limit = at(item.limit_mm);
  const caution = at(item.caution_mm);
  const deepest = at(item.deepest_mm);
  tile.querySelector(".track").setAttribute("aria-label", said);
  band(part("past"), limit, limit === null ? null : RAIL_END);
  band(part("caution"), caution, limit);
  part("limit").setAttribute("visibility", limit === null ? "hidden" : "visible");
  part("limit").setAttribute("y1", limit ?? 0);
  part("limit").setAttribute("y2", limit ?? 0);
  part("deepest").setAttribute("visibility", deepest === null ? "hidden" : "visible");
  part("deepest").setAttribute("transform", `translate(0 ${deepest ?? 0})`);

  const sled = part("sled");
  if (!inUse) {
    rest(sled, 0, scale);
    write(tile, "depth", "");
    delete tile.dataset.t;
    return;
  }
  const before = Number(tile.dataset.t ?? NaN);
  // The same frame told again (its reps were counted, say) moves nothing.
  if (before === item.t_us) return;
  tile.dataset.t = item.t_us ?? "";
  const now = item.depth_mm ?? 0;
  const way = [...(item.track_mm ?? []).filter((depth) => depth !== null), now];
  const gap = (item.t_us - before) / 1000;
  const ms = gap >= 100 && gap <= 3000 ? gap : FRAME_MS;
  glide(sled, way, scale, ms, (depth) => write(tile, "depth", item.depth_mm === null ? mm(null) : mm(depth)));
}

function band(rect, from, to) {
  const drawn = from !== null && to !== null;
  rect.setAttribute("y", drawn ? from : 0);
  rect.setAttribute("height", drawn ? Math.round(Math.max(to - from, 0) * 100) / 100 : 0);
}

function write(tile, field, text) {
  const node = tile.querySelector(`[data-field=${field}]`);
  if (node.textContent !== text) node.textContent = text;
}
