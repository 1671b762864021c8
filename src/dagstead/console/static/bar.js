// The number of things that are wrong, in the bar above the Dagster UI: polled, not streamed, as
// browsers open few connections to one address, and the UI has some.
(() => {
  "use strict";
  const bar = document.getElementById("dagstead-bar");
  const number = document.getElementById("dagstead-wrong");
  if (!bar || !number) return;
  const EVERY_MS = 30000;
  const look = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(number.dataset.from, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const { wrong, attention } = await answer.json();
      number.hidden = !wrong && !attention;
      number.textContent = wrong || attention;
      number.classList.toggle("attention", !wrong);
      number.title = wrong ? `${wrong} wrong` : `${attention} to look at`;
    } catch {
      // The server is away: the next look finds it.
    }
  };
  look();
  setInterval(look, EVERY_MS);
  document.addEventListener("visibilitychange", look);
  document.addEventListener("click", (event) => {
    for (const open of bar.querySelectorAll("details[open]")) {
      if (!open.contains(event.target)) open.open = false;
    }
  });
})();
