// Forms marked data-enhance are sent without leaving the page; without JavaScript they are plain forms.

import { announce } from "./announce.js";
import { parse } from "./pages.js";

// done: told the page that the server answered with, after its redirect.
export function enhance(done) {
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("form[data-enhance]")) return;
    event.preventDefault();
    const button = form.querySelector("button[type=submit]");
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      const page = parse(await answer.text());
      if (answer.ok) {
        form.reset();
        done(page, form);
        tell(page.querySelector("#told [data-field=told]")?.textContent ?? "");
      } else {
        tell(page.querySelector("[data-field=problem]")?.textContent ?? "That did not work.", true);
      }
    } catch (error) {
      console.warn(error);
      tell("That could not be sent. Check the connection and try again.", true);
    } finally {
      button.removeAttribute("aria-busy");
    }
  });
}

// Said rather than shown where nothing went wrong: the card itself shows it, and no line must push the page about.
function tell(text, failed = false) {
  const line = document.getElementById("told");
  line.hidden = !failed;
  line.classList.toggle("failed", failed);
  line.querySelector("[data-field=told]").textContent = failed ? text : "";
  if (!failed && text) announce(text);
}
