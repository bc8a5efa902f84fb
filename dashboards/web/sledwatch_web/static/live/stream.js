// The live stream: one connection a page, found again when it is lost, and a word on the page about which it is.

import { announce } from "./announce.js";

const RETRY_FIRST_MS = 1000;
const RETRY_LAST_MS = 15000;

const sign = document.querySelector("[data-link]");
let lost = false;

function show(state) {
  if (!sign) return;
  sign.hidden = false;
  sign.dataset.link = state;
  sign.querySelector("[data-field=link]").textContent =
    state === "live" ? "Live" : `Connection lost at ${clock()}. Trying again…`;
}

function clock() {
  return new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

// handlers: a function for the data of each kind of event; `renew` is called when events were missed.
export function listen(handlers) {
  let source;
  let wait = RETRY_FIRST_MS;
  let timer = 0;

  function live() {
    wait = RETRY_FIRST_MS;
    show("live");
    if (lost) {
      lost = false;
      announce("Live again.");
      handlers.renew?.();
    }
  }

  function gone() {
    if (!lost) {
      lost = true;
      show("lost");
      announce("Connection lost. What you see may be out of date.");
    }
    // A browser tries again by itself unless the answer was a refusal.
    if (source.readyState === EventSource.CLOSED) {
      clearTimeout(timer);
      timer = setTimeout(connect, wait);
      wait = Math.min(2 * wait, RETRY_LAST_MS);
    }
  }

  function connect() {
    source?.close();
    source = new EventSource("/api/v1/stream");
    source.addEventListener("open", live);
    source.addEventListener("error", gone);
    source.addEventListener("reload", () => handlers.renew?.());
    for (const kind of ["machine", "rep", "alert", "session"]) {
      if (handlers[kind]) source.addEventListener(kind, (event) => handlers[kind](JSON.parse(event.data)));
    }
  }

  connect();
  // A page in the back-forward cache must hold no connection; browsers allow few to one address.
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => {
    if (event.persisted) {
      connect();
      handlers.renew?.();
    }
  });
  return { close: () => source.close() };
}
