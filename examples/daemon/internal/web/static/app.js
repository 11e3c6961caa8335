// Live updates: on each change the part of the page that changes is loaded anew.
// What the reader has opened stays open; while he types, nothing moves.
"use strict";
(() => {
  const live = document.getElementById("live");
  if (!live || !window.EventSource) return;
  const news = document.getElementById("news");
  let timer = 0, stale = false;
  const busy = () => live.contains(document.activeElement) && document.activeElement.tagName === "INPUT";
  async function load() {
    timer = 0;
    if (busy()) { stale = true; return; }
    stale = false;
    const answer = await fetch("/?part=live", { credentials: "same-origin" }).catch(() => null);
    if (!answer || !answer.ok) { if (answer && answer.status === 401) location.href = "/login"; return; }
    const text = await answer.text();
    if (busy()) { stale = true; return; }
    const open = [...live.querySelectorAll("details[open][id]")].map((d) => d.id);
    const focused = document.activeElement && live.contains(document.activeElement) ?
      [...live.querySelectorAll("button, summary, a")].indexOf(document.activeElement) : -1;
    live.innerHTML = text;
    for (const id of open) { const d = document.getElementById(id); if (d) d.open = true; }
    if (focused >= 0) { const all = live.querySelectorAll("button, summary, a"); if (all[focused]) all[focused].focus({ preventScroll: true }); }
  }
  const soon = () => { if (!timer) timer = setTimeout(load, 400); };
  const source = new EventSource("/changes");
  source.onmessage = (message) => {
    const change = JSON.parse(message.data);
    if (change.what === "result") news.textContent = change.account + ": " + change.detail;
    soon();
  };
  source.onopen = () => live.removeAttribute("data-offline");
  source.onerror = () => live.setAttribute("data-offline", "yes");
  live.addEventListener("focusout", () => { if (stale) soon(); });
  setInterval(soon, 30000);
})();
