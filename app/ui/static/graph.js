// The graph of a workflow: larger and smaller by buttons, wheel, pinch and keys; moved by dragging;
// a step is found by its name, and the next one that failed; a map says where one is.
"use strict";

{
  const READABLE = 0.7; // a graph is made smaller by itself down to this
  const LARGEST = 4;
  const STEP = 1.25;
  const graph = document.getElementById("graph");
  const paper = graph.parentElement;
  const map = document.getElementById("map");
  const size = () => graph.viewBox.baseVal;
  const scale = () => graph.getBoundingClientRect().width / size().width;
  const fitting = () => Math.min(1, (paper.clientWidth - 20) / size().width);

  // The point of the graph that lies at (x, y) of the window stays there.
  function zoom(next, x, y) {
    const now = scale();
    const wanted = Math.min(LARGEST, Math.max(Math.min(fitting(), READABLE / 4), next));
    const before = graph.getBoundingClientRect();
    const at = { x: (x - before.left) / now, y: (y - before.top) / now };
    graph.dataset.ownZoomed = "";
    graph.setAttribute("width", Math.round(size().width * wanted));
    graph.setAttribute("height", Math.round(size().height * wanted));
    const after = graph.getBoundingClientRect();
    paper.scrollLeft += after.left + at.x * wanted - x;
    paper.scrollTop += after.top + at.y * wanted - y;
    look();
  }

  function zoomAtMiddle(next) {
    const { left, top } = paper.getBoundingClientRect();
    zoom(next, left + paper.clientWidth / 2, top + paper.clientHeight / 2);
  }

  const isLarger = () => paper.scrollWidth > paper.clientWidth + 1 || paper.scrollHeight > paper.clientHeight + 1;

  // The wheel scrolls the page on where there is nothing to zoom: a graph that is whole to be seen.
  paper.addEventListener("wheel", (event) => {
    const pinched = event.ctrlKey || event.metaKey; // a pinch on a touchpad says so too
    const smallest = event.deltaY > 0 && scale() <= fitting() + 0.01;
    if (!pinched && (event.shiftKey || !event.deltaY || smallest || (!isLarger() && !("ownZoomed" in graph.dataset)))) return;
    event.preventDefault();
    zoom(scale() * Math.exp(-event.deltaY / (pinched ? 200 : 500)), event.clientX, event.clientY);
  }, { passive: false });

  let fingers = null;
  paper.addEventListener("touchmove", (event) => {
    if (event.touches.length !== 2) return;
    event.preventDefault();
    const [one, two] = event.touches;
    const apart = Math.hypot(one.clientX - two.clientX, one.clientY - two.clientY);
    if (fingers) {
      zoom(fingers.scale * apart / fingers.apart, (one.clientX + two.clientX) / 2, (one.clientY + two.clientY) / 2);
    } else {
      fingers = { apart, scale: scale() };
    }
  }, { passive: false });
  for (const end of ["touchend", "touchcancel"]) paper.addEventListener(end, () => { fingers = null; });

  let dragged = false;
  paper.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch" || event.button) return; // a finger scrolls by itself
    const from = { x: event.clientX + paper.scrollLeft, y: event.clientY + paper.scrollTop, event };
    dragged = false;
    const move = (now) => {
      if (!dragged && Math.hypot(now.clientX - event.clientX, now.clientY - event.clientY) < 5) return;
      dragged = true;
      paper.classList.add("dragged");
      paper.scrollLeft = from.x - now.clientX;
      paper.scrollTop = from.y - now.clientY;
    };
    const end = () => {
      for (const kind of ["pointerup", "pointercancel"]) window.removeEventListener(kind, end);
      window.removeEventListener("pointermove", move);
      paper.classList.remove("dragged");
    };
    window.addEventListener("pointermove", move);
    for (const kind of ["pointerup", "pointercancel"]) window.addEventListener(kind, end);
  });
  paper.addEventListener("dragstart", (event) => event.preventDefault());
  paper.addEventListener("click", (event) => {
    if (!dragged) return;
    event.preventDefault(); // the end of a drag is no click on a step
    event.stopPropagation();
    dragged = false;
  }, true);

  paper.addEventListener("keydown", (event) => {
    const factor = { "+": STEP, "=": STEP, "-": 1 / STEP }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "n") show(failed()) && last.focus({ preventScroll: true });
    else if (factor || event.key === "0") zoomAtMiddle(factor ? scale() * factor : fitting());
    else return;
    event.preventDefault();
  });

  // Shows the first of these boxes, or the one after the one that was shown last.
  let last = null;
  function show(boxes) {
    if (!boxes.length) return false;
    if (last) delete last.dataset.ownFound;
    last = boxes[boxes.indexOf(last) + 1] || boxes[0];
    last.dataset.ownFound = "";
    last.scrollIntoView({ block: "center", inline: "center" });
    document.getElementById("announce").textContent = last.getAttribute("aria-label");
    return true;
  }

  const boxes = () => [...graph.querySelectorAll("a")];
  const failed = () => boxes().filter((box) => box.classList.contains("failed"));

  // A step that no box of this picture names is looked for among all, on the page of the steps.
  document.querySelector("form.find").addEventListener("submit", (event) => {
    const text = event.target.elements.q.value.trim().toLowerCase();
    if (show(boxes().filter((box) => box.getAttribute("aria-label").toLowerCase().includes(text)))) event.preventDefault();
  });
  document.getElementById("next-failed")?.addEventListener("click", (event) => {
    if (!show(failed())) return;
    event.preventDefault();
    last.focus({ preventScroll: true });
  });

  // The map is drawn from the graph itself; its frame is what the paper shows.
  function look() {
    map.toggleAttribute("hidden", !isLarger());
    if (!isLarger()) return;
    const now = scale();
    const box = graph.getBoundingClientRect();
    const view = paper.getBoundingClientRect();
    const frame = map.querySelector("rect");
    const sides = { x: (view.left - box.left) / now, y: (view.top - box.top) / now, width: paper.clientWidth / now, height: paper.clientHeight / now };
    for (const [name, value] of Object.entries(sides)) frame.setAttribute(name, Math.round(value));
  }

  function jump(event) {
    const box = map.getBoundingClientRect();
    const share = { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
    paper.scrollLeft = share.x * paper.scrollWidth - paper.clientWidth / 2;
    paper.scrollTop = share.y * paper.scrollHeight - paper.clientHeight / 2;
  }
  map.addEventListener("pointerdown", jump);
  map.addEventListener("pointermove", (event) => { if (event.buttons) jump(event); });

  const buttons = document.querySelector(".zoom");
  buttons.hidden = false;
  buttons.addEventListener("click", (event) => {
    const how = event.target.dataset.zoom;
    if (how) zoomAtMiddle(how === "fit" ? fitting() : scale() * (how === "in" ? STEP : 1 / STEP));
  });
  paper.addEventListener("scroll", look, { passive: true });
  window.addEventListener("resize", look);
  if (fitting() < 1 && fitting() > READABLE) zoomAtMiddle(fitting());
  look();
}
