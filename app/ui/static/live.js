// Keeps a page fresh: when the server says that something happened, the same page is asked for
// again, and only what differs is changed, so that nothing flickers and no focus is lost.
"use strict";

const SHORTEST_PAUSE = 700;
const RECONNECT = 5000;
const READABLE = 0.7; // a graph is made smaller by itself down to this
let source = null;
let again = null;
let asked = 0;
let busy = false;

function sync(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeName !== fresh.nodeName || old.id !== fresh.id) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.nodeValue = fresh.nodeValue;
    return;
  }
  syncAttributes(old, fresh);
  syncChildren(old, fresh);
}

function syncAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    const zoomed = old.dataset.zoomed && (name === "width" || name === "height");
    if (!zoomed && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

// Children with an id are found again wherever they stand; the others by their place.
function syncChildren(old, fresh) {
  const wanted = [...fresh.childNodes]; // taken now: a child that is put in leaves fresh
  for (const [place, child] of wanted.entries()) {
    const known = child.id && [...old.children].find((each) => each.id === child.id);
    const there = old.childNodes[place];
    if (known && known !== there) old.insertBefore(known, there);
    const match = old.childNodes[place];
    if (match) sync(match, child);
    else old.append(child);
  }
  while (old.childNodes.length > wanted.length) old.lastChild.remove();
}

async function refresh() {
  if (busy) return plan();
  busy = true;
  const begun = Date.now();
  try {
    const answer = await fetch(location.href, { credentials: "same-origin" });
    if (answer.redirected || !answer.ok) return location.reload();
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    setTimeout(plan, RECONNECT);
  } finally {
    busy = false;
    asked = Date.now() + 4 * (Date.now() - begun); // a large page is asked for less often
  }
}

function show(fresh) {
  for (const old of document.querySelectorAll("[data-fresh]")) {
    const found = fresh.getElementById(old.id);
    if (found) sync(old, document.importNode(found, true));
  }
  const said = fresh.body.dataset.announce;
  if (said && said !== document.body.dataset.announce) {
    document.body.dataset.announce = said;
    document.getElementById("announce").textContent = said;
  }
  document.title = fresh.title;
  localise();
  if (!fresh.body.dataset.live) disconnect();
}

function plan() {
  if (again) return;
  const wait = Math.max(150, asked + SHORTEST_PAUSE - Date.now());
  again = setTimeout(() => { again = null; refresh(); }, wait);
}

function connect() {
  const url = document.body.dataset.live;
  if (!url || source || document.hidden) return;
  source = new EventSource(url);
  for (const kind of ["message", "workflow", "step", "batch"]) source.addEventListener(kind, plan);
  source.addEventListener("error", () => {
    if (source && source.readyState === EventSource.CLOSED) { source = null; setTimeout(connect, RECONNECT); }
  });
}

function disconnect() {
  if (source) source.close();
  source = null;
}

// A hidden page holds no connection: browsers allow few of them, and servers too.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) disconnect();
  else if (document.body.dataset.live) { plan(); connect(); }
});

function localise() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!isNaN(at)) {
      time.title = time.dateTime;
      time.textContent = at.toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });
    }
  }
  tick();
}

function tick() {
  for (const each of document.querySelectorAll("[data-since]")) {
    each.textContent = span((Date.now() - new Date(each.dataset.since)) / 1000);
  }
}

function span(all) {
  const seconds = Math.max(0, Math.floor(all));
  const two = (number) => String(number).padStart(2, "0");
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

function zoom(how) {
  const graph = document.getElementById("graph");
  const { width, height } = graph.viewBox.baseVal;
  const room = graph.parentElement.clientWidth - 20;
  const now = graph.clientWidth / width;
  const scale = how === "fit" ? Math.min(1, room / width) : now * (how === "in" ? 1.25 : 0.8);
  graph.dataset.zoomed = "yes";
  graph.setAttribute("width", Math.round(width * scale));
  graph.setAttribute("height", Math.round(height * scale));
}

function zoomable() {
  const buttons = document.querySelector(".zoom");
  if (!buttons) return;
  buttons.hidden = false;
  const graph = document.getElementById("graph");
  const fitting = (graph.parentElement.clientWidth - 20) / graph.viewBox.baseVal.width;
  if (fitting < 1 && fitting > READABLE) zoom("fit");
  buttons.addEventListener("click", (event) => {
    if (event.target.dataset.zoom) zoom(event.target.dataset.zoom);
  });
}

localise();
zoomable();
setInterval(tick, 1000);
if (document.body.dataset.live) {
  setInterval(() => { if (source && document.getElementById("timeline")) plan(); }, 10000);
  connect();
}
