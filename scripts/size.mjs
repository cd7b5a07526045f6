// Prints what a browser loads, as it goes over the wire (brotli), and fails above the budget for wasm + JS.

import { readFileSync, readdirSync } from "node:fs";
import { extname, join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const BUDGET_BYTES = 350 * 1024;
const dist = join(import.meta.dirname, "../frontend/dist");

const brotli = (bytes) =>
  brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }).length;
const kib = (bytes) => `${(bytes / 1024).toFixed(1).padStart(8)} KiB`;

const total = { ".wasm": 0, ".js": 0, ".css": 0 };
for (const name of readdirSync(dist, { recursive: true }).sort()) {
  const kind = extname(name);
  if (!(kind in total)) continue;
  const size = brotli(readFileSync(join(dist, name)));
  total[kind] += size;
  console.log(`${kib(size)}  ${name}`);
}

const code = total[".wasm"] + total[".js"];
console.log(`${kib(code + total[".css"])}  in total; wasm + JS ${kib(code).trim()} of ${kib(BUDGET_BYTES).trim()}`);
if (total[".wasm"] === 0) {
  console.error("There is no web app in frontend/dist: run 'make web' first.");
  process.exit(1);
}
if (code > BUDGET_BYTES) {
  console.error("Wasm and JS are over the budget: see what grew with 'git diff' on Cargo.lock and app/, and trim it.");
  process.exit(1);
}
