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
