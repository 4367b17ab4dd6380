// Keeps a page fresh: when the server says that something happened, the same page is asked for
// again, and only what differs is changed, so that nothing flickers and no focus is lost. In bad
// times the page stands as it is, says so, and goes on by itself.
"use strict";

const SHORTEST_PAUSE = 700;
const LONGEST_PAUSE = 10000; // however long the last answer took: see pauseAfter
const RECONNECT = 5000;
const RETRY = 2000; // in bad times
const PATIENCE = 20000; // for an answer
const LOCAL_TIME = { day: "numeric", month: "short", year: "numeric", hour: "numeric", minute: "2-digit", second: "2-digit", timeZoneName: "short" };
const SILENCE = 40000; // of a stream, which says every 15 s that it lives
let source = null;
let word = 0; // when the stream last said something
let again = null;
let asked = 0;
let busy = false;
let trouble = ""; // "away", "signed out", or none
let misses = 0; // how often nothing came since the trouble began
let doubt = ""; // what may not have been done
let wanted = ""; // the page to open when the trouble is over

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

// What begins with data-own was put there by a script of ours.
function syncAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    const ours = name === "open" || name.startsWith("data-own");
    if (!ours && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    const zoomed = "ownZoomed" in old.dataset && (name === "width" || name === "height");
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
  const begun = performance.now();
  let failed = true;
  try {
    const limit = trouble ? Math.min(RETRY * (2 + misses), PATIENCE) : PATIENCE;
    const { answer, page } = await ask(location.href, { signal: AbortSignal.timeout(limit) });
    const place = new URL(answer.url).pathname;
    if (!page || answer.status >= 500 || answer.status === 429) alarm("away");
    else if (answer.redirected && place === signIn()) alarm("signed out");
    else if (!document.body.dataset.live) { failed = false; calm(); }
    else if (!answer.ok || answer.redirected) return location.reload(); // it is gone, or another's
    else { failed = false; show(page); calm(); }
  } catch {
    alarm("away");
  } finally {
    busy = false;
    asked = Date.now() + (failed ? 0 : pauseAfter(performance.now() - begun));
  }
  if (failed && !document.hidden) setTimeout(plan, RETRY);
}

// A large page is asked for less often. What hung for minutes, as while a server starts again, says
// nothing about the next answer: without the bound the page stood stale for four times as long.
function pauseAfter(took) {
  return Math.min(4 * took, LONGEST_PAUSE);
}

// An answer, and the page in it; none where something else answered, such as a proxy.
async function ask(url, options) {
  const answer = await fetch(url, { credentials: "same-origin", ...options });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const ours = page.querySelector('meta[name="application-name"][content="BV-BRC workflows"]');
  return { answer, page: ours && page };
}

function signIn() {
  return document.getElementById("trouble").dataset.signIn;
}

// The page stands, with a banner, and looks every two seconds whether the trouble is over.
function alarm(kind, more = "") {
  misses += 1;
  const banner = document.getElementById("trouble");
  if (trouble === kind && !more) return;
  const since = trouble ? banner.dataset.began : new Date().toLocaleTimeString([], { timeZoneName: "short" });
  trouble = kind;
  banner.dataset.began = since;
  const head = kind === "away"
    ? `The engine does not answer since ${since}. This page shows how it was then, and goes on by itself as soon as there is an answer.`
    : `You are signed out. This page shows how it was at ${since}. `;
  banner.replaceChildren(head);
  if (kind !== "away") {
    const link = document.createElement("a");
    link.href = `${signIn()}?next=${encodeURIComponent(location.pathname + location.search)}`;
    link.textContent = "Sign in again";
    if (document.querySelector("form[data-start]")) link.target = "_blank"; // what was typed stays
    banner.append(link);
  }
  if (more) banner.append(" ", more);
  banner.hidden = false;
}

function calm() {
  if (!trouble) return;
  const banner = document.getElementById("trouble");
  trouble = "";
  misses = 0;
  banner.textContent = `The engine answers again. ${doubt}`;
  banner.hidden = !doubt;
  document.getElementById("announce").textContent = "The engine answers again.";
  doubt = "";
  if (wanted) location.href = wanted;
  else connect();
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
  if (!fresh.body.dataset.live) { disconnect(); delete document.body.dataset.live; } // it has ended
}

function plan() {
  if (again) return;
  const wait = Math.max(150, asked + SHORTEST_PAUSE - Date.now());
  again = setTimeout(() => { again = null; refresh(); }, wait);
}

function connect() {
  const url = document.body.dataset.live;
  if (!url || source || document.hidden || trouble) return;
  const stream = source = new EventSource(url);
  let opened = false;
  word = Date.now();
  stream.addEventListener("open", () => {
    word = Date.now();
    if (opened) plan(); // whatever came between the two connections
    opened = true;
  });
  stream.addEventListener("alive", () => { word = Date.now(); });
  for (const kind of ["message", "workflow", "step", "batch"]) {
    stream.addEventListener(kind, () => { word = Date.now(); plan(); });
  }
  stream.addEventListener("error", () => {
    if (source !== stream) return;
    plan(); // the page finds out whether it is the engine, the session, or this connection alone
    if (stream.readyState === EventSource.CLOSED) { source = null; setTimeout(connect, RECONNECT); }
  });
}

function disconnect() {
  if (source) source.close();
  source = null;
}

// A connection that breaks without a word, as behind a proxy that died, is not reported.
function listen() {
  if (!source || Date.now() - word < SILENCE) return;
  disconnect();
  connect();
  plan();
}

function wake() {
  if (!trouble && !document.body.dataset.live) return;
  plan();
  connect();
}

// A hidden page holds no connection: browsers allow few of them, and servers too.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) disconnect();
  else wake();
});
window.addEventListener("online", wake);
window.addEventListener("pageshow", (event) => { if (event.persisted) wake(); });

// While the engine is away a link would lead to the browser's own page about errors.
document.addEventListener("click", (event) => {
  const link = event.target.closest && event.target.closest("a[href]");
  if (trouble !== "away" || !link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const url = new URL(link.getAttribute("href"), location);
  if (url.origin !== location.origin || link.getAttribute("href").startsWith("#")) return;
  event.preventDefault();
  wanted = url.href;
  alarm("away", "Then it opens what you clicked on.");
});

// A form is sent in the background, so that the page stands if nothing of ours answers. Where the
// session has ended, the answer is the sign-in with this form inside, and leads back to it.
async function send(form, button) {
  if ("sent" in form.dataset) return;
  form.dataset.sent = "";
  try {
    const fields = new FormData(form);
    if (button && button.name) fields.append(button.name, button.value);
    const files = form.enctype === "multipart/form-data";
    const body = files ? fields : new URLSearchParams(fields);
    const url = form.getAttribute("action") || location.href;
    const keepalive = !files && body.toString().length < 60000; // also if its user leaves the page at once
    const { answer, page } = await ask(url, { method: "POST", body, keepalive, signal: AbortSignal.timeout(3 * PATIENCE) });
    if (!page) throw new Error(answer.status);
    if (answer.redirected) { location.href = answer.url; return; }
    document.getElementById("main").replaceWith(document.importNode(page.getElementById("main"), true));
    document.title = page.title;
    document.getElementById("main").focus();
    localise();
  } catch {
    doubt = `Whether “${button ? button.textContent.trim() : "the form"}” was done is not known: look, and press it again if not.`;
    alarm("away", doubt);
    setTimeout(plan, RETRY);
  }
  delete form.dataset.sent;
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  const native = "start" in form.dataset || "pending" in form.dataset;
  if (form.getAttribute("method") !== "post" || native || event.defaultPrevented) return;
  event.preventDefault();
  send(form, event.submitter);
});

function localise() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!isNaN(at)) {
      time.title = time.dateTime;
      time.textContent = at.toLocaleString([], LOCAL_TIME);
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

// After a sign-out, which ends at the sign-in, the other windows look whether they are signed in.
const windows = new BroadcastChannel("session");
if (location.pathname === signIn()) windows.postMessage("");
else windows.addEventListener("message", plan);

localise();
setInterval(tick, 1000);
if (document.body.dataset.live) {
  setInterval(listen, 1000);
  setInterval(() => { if (source && document.getElementById("timeline")) plan(); }, 10000);
  connect();
}
