// A page of ours, fetched anew to see what changed: the server writes the words, once.

export async function fetchPage(address) {
  const answer = await fetch(address, { headers: { accept: "text/html" }, cache: "no-store" });
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return parse(await answer.text());
}

export const parse = (html) => new DOMParser().parseFromString(html, "text/html");

// At most one run at a time and one every `gap` ms; a wish made in between is granted afterwards.
export function calmly(run, gap) {
  let running = false;
  let again = false;
  return async function ask() {
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      await run();
    } catch (error) {
      // The stream's sign says whether the server is there; the next event asks again.
      console.warn(error);
    }
    await new Promise((done) => setTimeout(done, gap));
    running = false;
    if (again) {
      again = false;
      ask();
    }
  };
}

// Put `fresh` in the place of `old` and leave the reader where they are: what was unfolded, typed and focused stays.
export function swap(old, fresh) {
  const node = document.importNode(fresh, true);
  for (const fold of old.querySelectorAll("details[data-fold][open]")) {
    const same = node.querySelector(`details[data-fold="${fold.dataset.fold}"]`);
    if (same) same.open = true;
  }
  for (const typed of old.querySelectorAll("textarea")) {
    const same = typed.id && node.querySelector(`#${CSS.escape(typed.id)}`);
    if (same && typed.value) same.value = typed.value;
  }
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const path = focused && focusPath(focused);
  const scrolled = old.scrollLeft;
  old.replaceWith(node);
  node.scrollLeft = scrolled;
  if (focused) {
    const next = (path && node.querySelector(path)) || node.querySelector("button, summary, a[href]");
    next?.focus({ preventScroll: true });
  }
  return node;
}

function focusPath(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  if (element.matches("a[href]")) return `a[href="${CSS.escape(element.getAttribute("href"))}"]`;
  const fold = element.closest("details[data-fold]");
  if (element.matches("summary") && fold) return `details[data-fold="${fold.dataset.fold}"] > summary`;
  const form = element.closest("form");
  return form ? `form[action="${CSS.escape(form.getAttribute("action"))}"] button` : null;
}

// How many alerts are open, beside the word in the head.
export function showOpenAlerts(count) {
  const badge = document.querySelector(".badge");
  if (!badge || badge.dataset.openAlerts === String(count)) return;
  badge.dataset.openAlerts = count;
  badge.querySelector("[data-field=count]").textContent = count;
  badge.hidden = Number(count) === 0;
}
