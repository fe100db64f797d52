// The console's script: live parts, copy buttons, a box that ticks all others, times in the visitor's time zone. Pages work without it.
"use strict";

const parse = (html) => new DOMParser().parseFromString(html, "text/html");

/** Show times in the visitor's time zone; the UTC time becomes the tooltip. */
function localize(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
    const at = new Date(time.dateTime);
    const two = (number) => String(number).padStart(2, "0");
    time.title = time.textContent;
    time.textContent =
      `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ` +
      `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  }
}

/** Make the script's own parts of a page work. */
function enhance(root) {
  localize(root);
  for (const element of root.querySelectorAll("button.copy, #pick-all")) element.hidden = false;
}

/** Replace a live part by its newer self, and keep the focus and what is ticked; not while text in it is selected. */
function replace(part, page) {
  const newer = page.getElementById(part.id);
  if (!newer) {
    location.reload(); // the session has ended, or the part is gone
    return;
  }
  enhance(newer);
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  const selecting = !getSelection().isCollapsed && part.contains(getSelection().anchorNode);
  if (selecting || (focused && !focused.id)) return;
  if (newer.innerHTML !== part.innerHTML) {
    const ticked = [...part.querySelectorAll("input:checked[id]")].map((input) => input.id);
    part.replaceChildren(...newer.childNodes);
    for (const id of ticked) {
      const input = document.getElementById(id);
      if (input) input.checked = true;
    }
    if (focused) document.getElementById(focused.id)?.focus();
    for (const inner of part.querySelectorAll("[data-live]")) keepLive(inner);
  }
  if (!newer.dataset.live) delete part.dataset.live; // what it shows has ended
}

async function refresh(part) {
  if (document.hidden) return;
  try {
    const response = await fetch(part.dataset.live, { cache: "no-store" });
    if (response.ok && part.isConnected) replace(part, parse(await response.text()));
  } catch {
    // The server is away; the next turn tries again.
  }
}

function keepLive(part) {
  const seconds = Number(part.dataset.seconds) || 2;
  setTimeout(async () => {
    await refresh(part);
    if (part.isConnected && part.dataset.live) keepLive(part);
  }, 1000 * seconds);
}

async function copy(button) {
  const label = button.textContent;
  await navigator.clipboard.writeText(button.closest(".copyable").querySelector("code").textContent);
  button.textContent = button.dataset.copied;
  setTimeout(() => { button.textContent = label; }, 1500);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.copy");
  if (button) copy(button);
});

document.addEventListener("change", (event) => {
  if (event.target.id !== "pick-all") return;
  for (const box of document.querySelectorAll("input[name=job_id]")) box.checked = event.target.checked;
});

enhance(document);
for (const part of document.querySelectorAll("[data-live]")) keepLive(part);
