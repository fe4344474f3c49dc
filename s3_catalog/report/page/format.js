// Numbers, sizes and tags as people read them.

const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const FINE = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 6 });
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

// A count; numbers too large for JavaScript come as text.
function count(value) {
  if (typeof value === "string") return /^-?\d+$/.test(value) ? WHOLE.format(BigInt(value)) : value;
  return WHOLE.format(value);
}

function decimal(value) {
  if (typeof value === "string" || Number.isInteger(value)) return count(value);
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-4 || size >= 1e15) ? value.toExponential(4) : FINE.format(value);
}

function bytes(value) {
  let number = Number(value), unit = 0;
  if (!Number.isFinite(number)) return String(value);
  while (Math.abs(number) >= 1024 && unit < UNITS.length - 1) { number /= 1024; unit += 1; }
  const digits = unit === 0 || Math.abs(number) >= 100 ? 0 : 1;
  const text = number.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${text} ${UNITS[unit]}`;
}

function share(part, whole) {
  const percent = (100 * Number(part)) / Number(whole);
  if (!Number.isFinite(percent)) return "";
  if (percent > 0 && percent < 0.1) return "< 0.1 %";
  if (percent < 100 && percent > 99.9) return "> 99.9 %";
  return `${percent.toLocaleString("en-US", { maximumFractionDigits: percent < 10 ? 1 : 0 })} %`;
}

function plural(number, noun, nouns = `${noun}s`) {
  return `${count(number)} ${String(number) === "1" ? noun : nouns}`;
}

function rowsOf(head) {
  if (head.rows !== undefined) return count(head.rows);
  return head.estimate ? `about ${count(head.estimate[0])}` : null;
}

// A duration in seconds.
function duration(seconds) {
  if (typeof seconds !== "number") return String(seconds);
  if (seconds < 120) return `${seconds.toLocaleString("en-US", { maximumFractionDigits: 1 })} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// A figure of a receipt, whose name says its unit.
function figure(name, value) {
  if (/bytes/.test(name)) return bytes(value);
  if (/seconds/.test(name)) return duration(value);
  return decimal(value);
}

// A count that was not counted.
function roughly(value) {
  return [el("span.roughly", "about "), el("span.whole", count(value))];
}

function words(name) {
  const text = name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function chip(tag) {
  return el(/^(pii|phi|pci|secret|sensitive)\b/i.test(tag) ? "span.chip.private" : "span.chip", { title: plain(tag) }, tag);
}

function chips(tags) {
  return tags.length ? el("span.chips", tags.map(chip)) : null;
}
