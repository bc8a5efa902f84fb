// Figures in words, as the server writes them (words.py): a tile reads the same live and after a reload.

const NBSP = "\u00a0";

function number(value, digits = 0) {
  const text = value.toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return text.replace(/^-0$/, "0").replace("-", "\u2212");
}

export const mm = (value) => (value === null ? "–" : `${number(value)}${NBSP}mm`);

export function kg(value) {
  if (value === null) return "–";
  return `${number(value, Number.isInteger(value) || value >= 1000 ? 0 : 1)}${NBSP}kg`;
}

export const reps = (n) => `${number(n)}${NBSP}${n === 1 ? "rep" : "reps"}`;

export function spare(depth, limit) {
  const distance = Math.abs(depth - limit);
  if (distance < 0.05) return "at the limit";
  const apart = `${number(distance, distance < 0.95 ? 1 : 0)}${NBSP}mm`;
  return depth > limit ? `${apart} past the limit` : `${apart} to spare`;
}

export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export const setAndReps = (item) =>
  item.reps ? `Set${NBSP}${item.set === null ? "–" : number(item.set)} · ${reps(item.set_reps ?? 0)}` : "No reps yet";
