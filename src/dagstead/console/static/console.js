// The console: live parts, keys, copying. Every page is whole without it.
(() => {
  "use strict";
  document.documentElement.classList.add("scripted");
  const byId = (id) => document.getElementById(id);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];

  // ---- Live: the bell, over one stream for a page; none while nobody looks.
  const LOOK_AGAIN_MS = 15000;
  const RETRY_MS = [1000, 2000, 4000, 8000, 15000];
  let stream = null;
  let failures = 0;
  let version = null;
  let retry = 0;
  let lastHeard = Date.now();

  const isTyping = () => {
    const live = byId("live");
    const held = document.activeElement;
    if (!live) return false;
    if (live.querySelector("input[type=checkbox]:checked")) return true;
    return held && live.contains(held) && held.matches("input, select, textarea");
  };
  const look = () => {
    // Nothing is swapped under somebody who types or chooses.
    if (!document.hidden && !isTyping()) htmx.trigger(document.body, "live");
  };
  const heard = () => {
    failures = 0;
    lastHeard = Date.now();
    byId("away").hidden = true;
  };
  const lost = () => {
    close();
    if (document.hidden) return;
    failures += 1;
    if (failures > 1) {
      byId("away-since").textContent = `at ${new Date(lastHeard).toLocaleTimeString()}`;
      byId("away").hidden = false;
    }
    retry = setTimeout(open, RETRY_MS[Math.min(failures, RETRY_MS.length) - 1]);
  };
  const close = () => {
    clearTimeout(retry);
    if (stream) stream.close();
    stream = null;
  };
  const open = () => {
    close();
    const address = document.body.dataset.events;
    if (!address || document.hidden) return;
    stream = new EventSource(address);
    stream.addEventListener("hello", (event) => {
      heard();
      if (version !== null && version !== event.data && !isTyping()) {
        // The server is of another version: its style sheet and this script may be, too.
        location.reload();
        return;
      }
      // What was missed while there was no stream.
      if (version !== null) look();
      version = event.data;
    });
    stream.addEventListener("changed", () => { heard(); look(); });
    stream.addEventListener("error", lost);
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => { if (event.persisted) open(); });
  // Ages, and agents that fall silent, ring no bell.
  setInterval(look, LOOK_AGAIN_MS);

  // ---- Swaps: what is open stays open, and what is new is marked for a moment.
  const cells = () => {
    const found = new Map();
    for (const row of all("#live [data-row]")) {
      all("[role=cell]", row).forEach((cell, at) => found.set(`${row.dataset.row} ${at}`, textOf(cell)));
    }
    return found;
  };
  const textOf = (cell) => {
    const copy = cell.cloneNode(true);
    for (const age of all("time, .running", copy)) age.remove();
    return copy.textContent.trim();
  };
  let before = new Map();
  // A log is read at its end, unless somebody has gone back in it.
  let tailed = true;
  const log = () => document.querySelector("[data-tail]");
  const atEnd = () => { const at = log(); return !at || at.scrollHeight - at.scrollTop - at.clientHeight < 40; };
  const toEnd = () => { const at = log(); if (at) at.scrollTop = at.scrollHeight; };
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "live") return;
    const answered = event.detail.xhr.responseURL || "";
    if (answered && new URL(answered).pathname === "/sign-in") {
      // The session has ended.
      event.detail.shouldSwap = false;
      location.reload();
      return;
    }
    before = cells();
    tailed = atEnd();
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "live") return;
    if (tailed) toEnd();
    const marked = [];
    for (const row of all("#live [data-row]")) {
      all("[role=cell]", row).forEach((cell, at) => {
        const key = `${row.dataset.row} ${at}`;
        if (before.size && before.get(key) !== textOf(cell)) marked.push(cell);
      });
    }
    for (const cell of marked) {
      cell.classList.add("changed");
      setTimeout(() => cell.classList.remove("changed"), 2000);
    }
    if (marked.length) say(`${marked.length} ${marked.length === 1 ? "thing has" : "things have"} changed`);
  });
  if (window.Idiomorph) {
    Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element) =>
      !(name === "open" && element.matches("details")) && name !== "data-kept";
  }

  // ---- Ages go on without the server.
  const span = (seconds) => {
    if (seconds < 60) return `${Math.floor(seconds)} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
    return `${Math.floor(seconds / 86400)} days`;
  };
  const serverAhead = () => {
    const stamp = document.body.dataset.now;
    return stamp ? Number(stamp) * 1000 - loadedAt : 0;
  };
  const loadedAt = Date.now();
  const ahead = serverAhead();
  setInterval(() => {
    if (document.hidden) return;
    for (const age of all("time[datetime]")) {
      const seconds = (Date.now() + ahead - Date.parse(age.dateTime)) / 1000;
      const text = seconds < -1 ? `in ${span(-seconds)}` : span(Math.max(0, seconds));
      if (age.textContent !== text) age.textContent = text;
    }
  }, 1000);

  // ---- Copying.
  const say = (text) => { byId("said").textContent = text; };
  const copied = async (button) => {
    const text = button.dataset.copy;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without TLS there is no clipboard for pages: what is to be copied is at least selected.
      const shown = button.parentElement.querySelector("pre, code");
      if (shown) getSelection().selectAllChildren(shown);
      button.textContent = "Press Ctrl+C";
      return;
    }
    button.textContent = "Copied";
    say("Copied");
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-copy]");
    if (button) copied(button);
  });

  // ---- Forms that are sent by choosing.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-send]");
    if (form) form.requestSubmit();
  });

  // ---- Keys.
  let afterG = false;
  const rows = () => all("#live [data-row]");
  const move = (by) => {
    const every = rows();
    if (!every.length) return;
    const now = every.findIndex((row) => row.contains(document.activeElement));
    const next = every[Math.min(every.length - 1, Math.max(0, now + by))];
    const link = next.querySelector("a");
    if (link) { link.focus(); link.scrollIntoView({ block: "nearest" }); }
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, select, textarea, [contenteditable]")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const key = event.key;
    if (afterG) {
      afterG = false;
      const link = document.querySelector(`#rail a[data-key="${CSS.escape(key)}"]`);
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    if (key === "g") afterG = true;
    else if (key === "/") {
      event.preventDefault();
      const rail = byId("rail");
      if (getComputedStyle(rail).display === "none") rail.showPopover();
      byId("search").select();
      byId("search").focus();
    } else if (key === "?") byId("keys").togglePopover();
    else if (key === "j") move(1);
    else if (key === "k") move(-1);
  });

  // ---- What was made is not made again when its page is loaded again.
  const instead = document.querySelector("[data-instead]");
  if (instead) history.replaceState(null, "", instead.dataset.instead);

  toEnd();
  open();
})();
