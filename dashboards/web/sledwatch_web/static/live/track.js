// Sleds that move: each follows the depths of its last frame over the time that the frame took, all in one loop.

// The drawing's own units, as tiles.py has them.
export const RAIL_TOP = 10;
export const RAIL_LENGTH = 120;
// A figure that changes more often than this cannot be read.
const FIGURE_MS = 250;

const still = matchMedia("(prefers-reduced-motion: reduce)");
const moving = new Map();
let looping = false;

export function place(depth, scale) {
  const share = Math.min(Math.max(depth / scale, 0), 1);
  return Math.round((RAIL_TOP + RAIL_LENGTH * share) * 100) / 100;
}

// sled: the drawn sled. depths: where it was, evenly over `ms`, the last one now. show: told the depth as it passes.
export function glide(sled, depths, scale, ms, show) {
  const last = depths.at(-1);
  if (still.matches || depths.length < 2) {
    moving.delete(sled);
    put(sled, last, scale);
    show(last);
    return;
  }
  moving.set(sled, { depths, scale, ms, show, begin: performance.now(), shown: -Infinity });
  if (!looping) {
    looping = true;
    requestAnimationFrame(step);
  }
}

export function rest(sled, depth, scale) {
  moving.delete(sled);
  put(sled, depth, scale);
}

function step(now) {
  for (const [sled, move] of moving) {
    const share = Math.min(Math.max((now - move.begin) / move.ms, 0), 1);
    const at = share * (move.depths.length - 1);
    const before = Math.floor(at);
    const from = move.depths[before];
    const to = move.depths[Math.min(before + 1, move.depths.length - 1)];
    const depth = from + (to - from) * (at - before);
    put(sled, depth, move.scale);
    if (share === 1 || now - move.shown >= FIGURE_MS) {
      move.shown = now;
      move.show(depth);
    }
    if (share === 1) moving.delete(sled);
  }
  looping = moving.size > 0;
  if (looping) requestAnimationFrame(step);
}

function put(sled, depth, scale) {
  sled.setAttribute("transform", `translate(0 ${place(depth, scale)})`);
}
