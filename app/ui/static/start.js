// Forms that start work: every button sends the whole form and gets the whole page, also without
// this script. With it the page is asked for while people type, and only what is said of the
// controls they have used is shown; groups are added and removed without a reload.
"use strict";

{
  const PAUSE = 500;
  const form = document.querySelector("form[data-start]");
  const used = new Set();
  let timer = null;
  let sent = 0;
  let building = false;

  const find = (id, where = document) => id && where.getElementById(id);

  async function post(action) {
    const body = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      if (typeof value === "string" && name !== "action") body.append(name, value);
    }
    body.set("action", action);
    const number = ++sent;
    const { answer, page } = await ask(form.getAttribute("action"), { method: "POST", body }).catch(() => ({}));
    if (number !== sent) return null; // something newer was asked for
    if (!page || answer.status === 401) {
      alarm(page ? "signed out" : "away", "What you typed stays here.");
      plan();
      return null;
    }
    const secret = page.querySelector("form[data-pending] input[name=secret]");
    if (secret) return renew(secret.value, action);
    if (answer.redirected) { location.href = answer.url; return null; }
    return page;
  }

  // The form is of an earlier session of its user, who has signed in again in another window.
  function renew(secret, action) {
    const own = form.querySelector("input[name=secret]");
    if (own.value === secret) return null;
    own.value = secret;
    return post(action);
  }

  // The page as the server has it now, with what is open and what has the focus as they were.
  async function rebuild(action) {
    clearTimeout(timer);
    building = true;
    const fresh = await post(action);
    building = false;
    const next = fresh && find("start", fresh);
    if (!next) return fresh && document.getElementById("main").replaceWith(document.importNode(find("main", fresh), true));
    const before = document.activeElement.id;
    const open = [...document.querySelectorAll("#start details[open]")].map((each) => each.id);
    document.getElementById("start").replaceWith(document.importNode(next, true));
    for (const id of open) if (find(id)) find(id).open = true;
    const target = find(next.dataset.focus) || find(before) || document.querySelector("#start [aria-invalid]");
    if (target) target.focus();
    say();
  }

  async function check() {
    if (building) return;
    const fresh = await post("check");
    if (!fresh || !find("start", fresh)) return;
    for (const old of document.querySelectorAll("[data-notes]")) {
      const now = find(old.id, fresh);
      const control = old.id.startsWith("note-") ? find(old.id.slice(5)) : null;
      const shown = old.childElementCount > 0 || !control || used.has(control.id);
      if (now && shown) {
        if (!old.isEqualNode(now)) old.replaceChildren(...document.importNode(now, true).childNodes);
        if (control && find(control.id, fresh)?.hasAttribute("aria-invalid")) control.setAttribute("aria-invalid", "true");
        else control?.removeAttribute("aria-invalid");
      }
    }
    const outcome = find("outcome");
    const now = find("outcome", fresh);
    if (now && !outcome.isEqualNode(now)) outcome.replaceChildren(...document.importNode(now, true).childNodes);
    say();
  }

  function say() {
    const wrong = document.querySelectorAll("#start .notes .wrong, #start .alert li").length;
    const text = wrong ? `${wrong} ${wrong === 1 ? "problem" : "problems"}` : "";
    const place = document.getElementById("announce");
    if (place.textContent !== text) place.textContent = text;
  }

  async function read(file, target) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const wide = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : "utf-8";
    document.querySelector("[data-cells]")?.remove(); // those of the table before
    document.getElementById(target).value = new TextDecoder(wide).decode(bytes);
    await rebuild("check");
  }

  if (form) {
    form.addEventListener("submit", (event) => {
      const button = event.submitter;
      if (!button || "plain" in button.dataset) return;
      event.preventDefault();
      rebuild(button.value || "check");
    });
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.target.id !== "browse_search") return;
      event.preventDefault();
      rebuild("search");
    });
    form.addEventListener("input", (event) => {
      if (event.target.id === "browse_search") return;
      used.add(event.target.id);
      clearTimeout(timer);
      if (event.target.type !== "file" && !("large" in document.getElementById("start").dataset)) timer = setTimeout(check, PAUSE);
    });
    form.addEventListener("change", (event) => {
      const drop = event.target.closest("[data-drop]");
      if (event.target.type === "file" && drop && event.target.files[0]) read(event.target.files[0], drop.dataset.drop);
      else if ("decides" in event.target.dataset) rebuild("update");
    });
    form.addEventListener("dragover", (event) => { if (event.target.closest("[data-drop]")) event.preventDefault(); });
    form.addEventListener("drop", (event) => {
      const drop = event.target.closest("[data-drop]");
      if (!drop || !event.dataTransfer.files[0]) return;
      event.preventDefault();
      read(event.dataTransfer.files[0], drop.dataset.drop);
    });
  }
}
