// What the eye sees, said: one polite live region for the whole page.

const region = document.getElementById("announcer");
let waiting = [];
let timer = 0;

export function announce(text) {
  waiting.push(text);
  clearTimeout(timer);
  // Emptied first, so that the same words twice are two announcements; gathered, so that none is overrun by the next.
  region.textContent = "";
  timer = setTimeout(() => {
    region.textContent = waiting.join(" ");
    waiting = [];
  }, 100);
}
