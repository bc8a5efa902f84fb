// While a refused message waits for its trial, the page looks what came of it.

import { announce } from "./announce.js";
import { fetchPage, swap } from "./pages.js";

const EVERY_MS = 1000;
const FOR_MS = 60_000;
const waiting = () => [...document.querySelectorAll("[data-state=asked]")].map((one) => one.dataset.key);

async function renew() {
  const before = waiting();
  const address = new URL(location.href);
  address.searchParams.delete("told");
  address.hash = "";
  const page = await fetchPage(address);
  for (const old of document.querySelectorAll("[data-renew]")) {
    const fresh = page.querySelector(`[data-renew="${old.dataset.renew}"]`);
    if (fresh && fresh.outerHTML !== old.outerHTML) swap(old, fresh);
  }
  const tried = before.filter((key) => !waiting().includes(key)).length;
  if (tried) announce(`${tried} ${tried === 1 ? "message was" : "messages were"} tried again.`);
}

async function follow() {
  const until = performance.now() + FOR_MS;
  while (waiting().length && performance.now() < until) {
    await new Promise((done) => setTimeout(done, EVERY_MS));
    try {
      await renew();
    } catch (error) {
      // The server is away for a moment: the next look asks again.
      console.warn(error);
    }
  }
}

follow();
