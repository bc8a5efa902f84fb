// A session's page: a limit is confirmed in a dialog, and a session that goes on is followed.

import { calmly, fetchPage, swap } from "./pages.js";
import { listen } from "./stream.js";

const root = document.querySelector("[data-session]");
const dialog = document.getElementById("limit-dialog");

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-limit]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  try {
    const page = await fetchPage(link.href);
    dialog.replaceChildren(document.importNode(page.getElementById("limit-form"), true));
    dialog.showModal();
  } catch (error) {
    console.warn(error);
    location.href = link.href;
  }
});

dialog.addEventListener("click", (event) => {
  if (!event.target.closest("[data-close]")) return;
  event.preventDefault();
  dialog.close();
});

const renew = calmly(async () => {
  const page = await fetchPage(`${location.pathname}`);
  for (const fresh of page.querySelectorAll("[data-renew]")) {
    const region = document.querySelector(`[data-renew="${fresh.dataset.renew}"]`);
    if (region && region.innerHTML !== fresh.innerHTML) swap(region, fresh);
  }
  root.dataset.live = page.querySelector("[data-session]").dataset.live;
}, 3000);

const ours = (data) => data.session === root.dataset.session && renew();

if (root.dataset.live === "live") listen({ rep: ours, session: ours, alert: ours, renew });
