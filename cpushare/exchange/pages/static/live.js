// Keeps numbers fresh: the page is whole without this.
"use strict";

const note = document.querySelector("[data-status]");

function say(text) {
  if (note.textContent !== text) {
    note.textContent = text;
  }
}

function write(element, value) {
  if (element.localName === "progress") {
    element.value = value;
  } else {
    element.textContent = value;
  }
}

// Sections whose lists have changed are fetched again; one that is being used is left alone.
async function refresh(shape) {
  const answer = await fetch(location.href, { cache: "no-store" });
  if (!answer.ok) {
    return;
  }
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (fresh.body.dataset.shape !== shape) {
    return; // it was kept from a moment ago; the next message asks again
  }
  document.body.dataset.shape = shape;
  for (const section of document.querySelectorAll("[data-section]")) {
    const replacement = fresh.getElementById(section.id);
    if (replacement && !section.contains(document.activeElement)) {
      section.replaceWith(replacement);
    }
  }
}

function show(news) {
  for (const element of document.querySelectorAll("[data-live]")) {
    const value = news.texts[element.dataset.live] ?? news.places[element.dataset.live];
    if (value !== undefined) {
      write(element, value);
    }
  }
  for (const element of document.querySelectorAll("[data-news]")) {
    const value = news.texts[element.dataset.news];
    element.dataset.seen ??= value ?? "";
    element.hidden = value === undefined || value === element.dataset.seen;
  }
  if (document.body.dataset.shape && news.shape !== document.body.dataset.shape) {
    setTimeout(refresh, 1100, news.shape);
  }
}

if (note) {
  const source = new EventSource("/events");
  source.addEventListener("open", () => say("Live: numbers change by themselves."));
  source.addEventListener("error", () => say("Not live: reload for the newest numbers."));
  source.addEventListener("message", (event) => show(JSON.parse(event.data)));
}
