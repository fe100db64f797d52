// The console's script: live parts, copy buttons, secrets that stay hidden, times in the visitor's time zone, shortcuts.
// Pages work without it.
"use strict";

const parse = (html) => new DOMParser().parseFromString(html, "text/html");
const isTyping = (element) => element.matches("input:not([type=checkbox], [type=radio]), textarea, select");

/** Show times in the visitor's time zone; the time in UTC becomes the tooltip. */
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

/** Make the parts of a page work that need this script. */
function enhance(root) {
  localize(root);
  for (const element of root.querySelectorAll("button.copy, #pick-all, #show-keys")) element.hidden = false;
}

// --- live parts: the page is fetched again, and what differs is replaced

const canBecome = (old, newer) =>
  old.nodeName === newer.nodeName && (old.id ?? "") === (newer.id ?? "") && old.nodeName !== "INPUT";

/** Make an element equal to its newer self, and leave alone what has not changed: focus, ticks, scrolling, selection.
    Whether details are open is up to the visitor. */
function morph(old, newer) {
  const children = [...newer.childNodes];
  for (const { name } of [...old.attributes]) if (name !== "open" && !newer.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of newer.attributes)
    if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  children.forEach((child, index) => {
    let present = old.childNodes[index];
    const same = child.id && old.querySelector(`:scope > #${CSS.escape(child.id)}`);
    if (same && same !== present) {
      old.insertBefore(same, present ?? null);
      present = same;
    }
    if (!present) old.append(child);
    else if (present.isEqualNode(child)) return;
    else if (!canBecome(present, child)) old.insertBefore(child, present); // which may be found further down
    else if (child.nodeType === Node.ELEMENT_NODE) morph(present, child);
    else present.data = child.data;
  });
  while (old.childNodes.length > children.length) old.lastChild.remove();
}

/** Bring a part of this page up to date from a response with the whole page. */
async function update(part, response) {
  const newer = parse(await response.text()).getElementById(part.id);
  if (newer) {
    const ticked = [...part.querySelectorAll("input:checked[id]")].map((input) => input.id);
    enhance(newer);
    morph(part, newer);
    for (const id of ticked) Object.assign(document.getElementById(id) ?? {}, { checked: true });
    watch();
  } else location.reload(); // it leads to the login
}

async function refresh(part) {
  if (document.hidden) return;
  const signal = AbortSignal.timeout(10_000);
  const response = await fetch(part.dataset.live, { cache: "no-store", signal }).catch(() => null);
  document.getElementById("away").hidden = response !== null && response.status < 500;
  const selection = getSelection();
  if (!part.isConnected || (!selection.isCollapsed && part.contains(selection.anchorNode))) return;
  if (response?.ok) await update(part, response);
  else if (response?.status < 500) location.reload(); // what the part shows is gone; the page says so
}

const watched = new WeakSet();

function keepLive(part, leastSeconds = 0) {
  setTimeout(async () => {
    await refresh(part).catch(() => null); // the answer broke off
    if (part.isConnected && part.dataset.live) keepLive(part, 1);
    else watched.delete(part);
  }, 1000 * Math.max(leastSeconds, Number(part.dataset.seconds) || 2));
}

/** Keep all live parts of the page up to date. */
function watch() {
  for (const part of document.querySelectorAll("[data-live]")) {
    if (watched.has(part)) continue;
    watched.add(part);
    keepLive(part);
  }
}

// --- buttons

/** Return the text that a button copies; a secret is fetched, and not shown. */
async function textToCopy(button) {
  const shown = button.closest(".copyable");
  if (!button.dataset.secret) return shown.querySelector("code").textContent;
  const response = await fetch(button.dataset.secret, { method: "POST", cache: "no-store" });
  const index = [...document.querySelectorAll(".copyable")].indexOf(shown);
  return parse(await response.text()).querySelectorAll(".copyable")[index].querySelector("code").textContent;
}

async function copy(button) {
  const label = button.textContent;
  const text = await textToCopy(button);
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else copyByCommand(text); // browsers have no clipboard on pages over plain http
  button.textContent = button.dataset.copied;
  setTimeout(() => { button.textContent = label; }, 1500);
}

function copyByCommand(text) {
  const area = Object.assign(document.createElement("textarea"), { value: text, className: "off-screen" });
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.copy");
  if (button) copy(button);
  else if (event.target.closest("#show-keys")) document.getElementById("keys").showModal();
});

document.addEventListener("change", (event) => {
  if (event.target.id !== "pick-all") return;
  for (const box of document.querySelectorAll("input[name=job_id]")) box.checked = event.target.checked;
});

// Forms and links with `data-into` show their answer in the part with that id, without a new page in the history.
async function into(event, element, request) {
  event.preventDefault();
  await update(document.getElementById(element.dataset.into), await fetch(request));
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.into) into(event, form, new Request(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) }));
  else if (form.getAttribute("method") === "post") sendOnce(event, form);
});

/** Ignore further clicks while a form is sent, so that a double click does not act twice. */
function sendOnce(event, form) {
  if (form.ariaBusy) event.preventDefault();
  else setTimeout(() => { form.ariaBusy = null; }, 10_000); // the visitor may have stopped it
  form.ariaBusy = "true";
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-into]");
  if (link) into(event, link, new Request(link.href));
});

// --- shortcuts: a link or a field with `data-key` answers to that key

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
  const target = [...document.querySelectorAll("[data-key]")].find((element) => element.dataset.key === event.key);
  if (!target || target.hidden) return;
  event.preventDefault();
  if (isTyping(target)) target.focus();
  else target.click();
});

const zone = document.getElementById("zone");
zone.textContent = zone.dataset.local.replace("{zone}", Intl.DateTimeFormat().resolvedOptions().timeZone);
enhance(document);
watch();
