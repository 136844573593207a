// Comfort only: every page works without it.
"use strict";

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).innerText.trim());
    button.textContent = button.dataset.done;
  });
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

// Apps show a gap between the digits; it is no part of the code.
for (const field of document.querySelectorAll("[data-digits]")) {
  field.addEventListener("input", () => {
    const typed = field.value.replace(/[\s-]/g, "");
    if (typed !== field.value) field.value = typed;
  });
}

// How many digits stand there; for the eye only, a screen reader says the digits themselves.
for (const counter of document.querySelectorAll("[data-count]")) {
  const field = document.getElementById(counter.dataset.count);
  const count = () => { counter.textContent = `${field.value.replace(/\D/g, "").length}/${field.dataset.digits}`; };
  field.addEventListener("input", count);
  count();
  counter.hidden = false;
}

// What ends by itself is counted down, and told before it happens and when it has.
for (const limit of document.querySelectorAll("[data-seconds]")) {
  const left = limit.querySelector("[data-left]");
  let end, told;
  const begin = () => { end = Date.now() + 1000 * limit.dataset.seconds; };
  const look = () => {
    const seconds = Math.max(0, Math.ceil((end - Date.now()) / 1000));
    if (left) left.textContent = `(${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")})`;
    const stage = seconds === 0 ? "over" : seconds <= limit.dataset.warn ? "soon" : "";
    if (stage === told) return;
    told = stage;
    const words = stage ? [limit.querySelector(`template[data-${stage}]`).content.cloneNode(true)] : [];
    limit.querySelector("[role=status]").replaceChildren(...words);
  };
  limit.addEventListener("click", (event) => {
    if (!event.target.closest("[data-again]")) return;
    begin();
    look();
  });
  begin();
  look();
  if (left) left.hidden = false;
  setInterval(look, 1000);
}

// A double click sends a form once.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

const summary = document.querySelector(".summary");
const wrong = document.querySelector("[aria-invalid=true]");
if (wrong) wrong.focus();
else if (summary) summary.focus();
else document.querySelector(":is(.outside, .narrow) form input:not([type=hidden], [type=checkbox], [type=email])")?.focus();
