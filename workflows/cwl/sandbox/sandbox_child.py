"""The process in which users' JavaScript runs: no environment, no files, little memory and time.

Run as ``python -I -S sandbox_child.py <folder of quickjs> <memory> <cpu seconds>``. One JSON
request a line on standard input, one JSON answer a line on standard output; a fresh context each.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
import time
from importlib import import_module
from typing import Any

PRELUDE = """
"use strict";
(function () {
  var seed = 1;
  Math.random = function () { seed = (seed * 16807) %% 2147483647; return seed / 2147483647; };
  var Real = Date, now = %(now)d;
  function Fixed() {
    if (!new.target) { return new Real(now).toString(); }
    return arguments.length === 0 ? new Real(now) : new Real(...arguments);
  }
  Fixed.prototype = Real.prototype;
  Fixed.now = function () { return now; };
  Fixed.parse = Real.parse;
  Fixed.UTC = Real.UTC;
  globalThis.Date = Fixed;
  delete globalThis.performance;
  var quiet = function () {};
  globalThis.console = { log: quiet, info: quiet, warn: quiet, error: quiet, debug: quiet };
})();
globalThis.inputs = %(inputs)s;
globalThis.self = %(self)s;
globalThis.runtime = %(runtime)s;
(function (roots, opens) {
  var touched = "", Unknown = Error;
  function stop(n) { touched += n + ","; throw new Unknown("not known yet"); }
  opens.forEach(function (path, n) {
    var object = roots[path[0]], last = path.length - 1;
    if (last === 0) {
      Object.defineProperty(globalThis, path[0], { get: function () { stop(n); } });
      return;
    }
    for (var i = 1; i < last; i++) { object = object[path[i]]; }
    Object.defineProperty(object, path[last], {
      enumerable: true, get: function () { stop(n); } });
  });
  if (opens.every(function (path) { return path.length > 1 || path[0] !== "inputs"; }) &&
      inputs !== null && typeof inputs === "object") {
    globalThis.inputs = new Proxy(inputs, { get: function (known, name) {
      if (name in known || typeof name === "symbol" || name === "toJSON") { return known[name]; }
      throw new Unknown("there is no input '" + name + "' here");
    } });
  }
  return function () { return touched; };
})({ inputs: inputs, self: self, runtime: runtime }, %(opens)s);
"""
"""Its value answers which unknown values were read. Users' code cannot reach that function, nor the
text that it answers: no property of an object that they could change is involved.
An input that does not exist is an error, not ``undefined``: a misspelt name would else be lost."""


def evaluate(quickjs: Any, request: dict[str, Any], memory: int) -> dict[str, Any]:
    """``{"value": …}``, ``{"open": [index of a path that was read]}`` or ``{"error": text}``."""
    context = quickjs.Context()
    context.set_memory_limit(memory)
    context.set_time_limit(request["seconds"])
    context.set_max_stack_size(512 * 1024)
    head = {k: json.dumps(request[k]) for k in ("inputs", "self", "runtime", "opens")}
    body = request["code"]
    body = "return " + body if body.startswith("(") else body[1:-1]
    error: str | None = None
    text: Any = None
    read: Any = None
    try:
        read = context.eval(PRELUDE % {"now": request["now"], **head})
        for library in request["library"]:
            context.eval(library)
        text = context.eval('"use strict"; JSON.stringify((function () {' + body + "\n})());")
    except Exception as problem:  # noqa: BLE001 - the user's code failed, in any way
        error = str(problem).strip() or type(problem).__name__
    if touched := wanted_unknowns(read):
        return {"open": touched}
    if error is not None:
        first = error.partition("\n")[0][:500]
        return {"error": "out of memory" if first in ("", "null") else first}
    if text is not None and (not isinstance(text, str) or len(text) > request["result_bytes"]):
        return {"error": f"the result is larger than {request['result_bytes']} bytes"}
    return {"value": json.loads(text) if text is not None else None}


def wanted_unknowns(read: Any) -> list[int]:
    """Which unknown values the code read; none where the context is beyond answering."""
    try:
        return sorted({int(n) for n in read().split(",") if n})
    except Exception:  # noqa: BLE001 - out of memory, maybe before the prelude was through
        return []


def main() -> None:
    folder, memory, cpu = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sys.path.insert(0, folder)
    quickjs = import_module("_quickjs")
    resource.setrlimit(resource.RLIMIT_AS, (memory * 4 + 2**28, memory * 4 + 2**28))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        started = time.process_time()
        try:
            request = json.loads(line)
            # QuickJS looks at its clock between steps alone; a step may be endless.
            signal.setitimer(signal.ITIMER_PROF, 2 * request["seconds"] + 1)
            answer = evaluate(quickjs, request, memory)
        except (MemoryError, RecursionError, ValueError) as problem:
            answer = {"error": type(problem).__name__}
        answer["seconds"] = time.process_time() - started
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
