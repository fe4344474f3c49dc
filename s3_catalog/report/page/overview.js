// What stands above the list: sums of all tables, the run with its receipt, and the ledger.

const MOST_FAILURES = 5;
const ACTIONS = { create: "new", update: "changed", restore: "back", retire: "retired", unchanged: "unchanged", conflict: "in conflict" };

function tile(name, value, note, text = false) {
  return el("div.tile", el("dt", name), el(text ? "dd.text" : "dd", value), note ? el("dd.note", note) : null);
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + Number(number ?? 0), 0);
}

function totals(heads) {
  const counted = heads.filter((head) => head.rows !== undefined), guessed = heads.filter((head) => head.rows === undefined && head.estimate);
  const rows = sum(counted.map((head) => head.rows)) + sum(guessed.map((head) => head.estimate[0]));
  const unknown = heads.length - counted.length - guessed.length;
  const notes = [guessed.length ? `${plural(guessed.length, "table")} estimated` : null, unknown ? `${count(unknown)} not counted` : null].filter(Boolean);
  const formats = new Set(heads.map((head) => head.format));
  return el("dl.tiles",
    tile("Tables", count(heads.length), plural(formats.size, "format")),
    tile("Columns", count(sum(heads.map((head) => head.columns?.length)))),
    tile("Rows", guessed.length ? roughly(rows) : count(rows), notes.join(", ")),
    tile("Objects", count(sum(heads.map((head) => head.objects)))),
    tile("Size", bytes(sum(heads.map((head) => head.size)))));
}

function status(run) {
  const style = { done: "span.chip.done", failed: "span.chip.private" }[run.status] ?? "span.chip.warn";
  return el(style, run.status);
}

function runPanel(run) {
  return el("div.panel", { id: "run" }, el("h2", "Run"),
    facts([
      ["Status", status(run)],
      ["Location", el("code", run.location)],
      ["Started", run.started],
      ["Finished", run.finished],
      ["Took", run.seconds === undefined ? null : duration(run.seconds)],
      ["Tables", (run.counts ?? []).filter(([, number]) => Number(number) > 0).map(([name, number]) => `${count(number)} ${ACTIONS[name] ?? name.replaceAll("_", " ")}`).join(", ")],
    ]),
    run.receipt ? [el("h3", "Receipt"), facts(run.receipt.map(([name, value]) => [words(name), figure(name, value)]))] : null);
}

function failureList(pairs, total, noun, nouns) {
  const item = ([key, error]) => {
    const rest = error.startsWith(key) ? error.slice(key.length).replace(/^: /, "") : error;
    return el("li", el("code", key), el("span.soft", rest.trim()));
  };
  const rest = pairs.slice(MOST_FAILURES), left = total - pairs.length;
  const list = el("ul.quiet.errors", pairs.slice(0, MOST_FAILURES).map(item));
  if (!rest.length) return list;
  const more = el("details.after", el("summary", `${plural(rest.length, noun, nouns)} more${left > 0 ? ` of ${count(total - MOST_FAILURES)}` : ""}`));
  more.addEventListener("toggle", () => more.open && more.children.length === 1 && more.append(el("ul.quiet.errors", rest.map(item))));
  return [list, more];
}

function ledgerPanel(ledger) {
  const named = new Set(ledger.failed.map(([key]) => key)), prefixes = ledger.failedPrefixes.filter(([prefix]) => !named.has(prefix));
  const skipped = sum(ledger.skipped.map(([, number]) => number));
  const fates = [["in-tables", "in tables", ledger.inTables], ["skipped", "skipped", skipped], ["failed", "failed", ledger.failures]];
  const stack = el("div.stack", { "aria-hidden": "true" }, fates.filter((fate) => Number(fate[2]) > 0).map(([name, , number]) => {
    const part = el(`span.${name}`);
    part.style.flexGrow = String(Number(number));
    return part;
  }));
  return el("div.panel", { id: "ledger" }, el("h2", `${plural(ledger.listed, "object")} listed`),
    stack,
    el("ul.legend", fates.map(([name, label, number]) => el("li", el(`i.${name}`), `${count(number)} ${label}`, el("span.soft", ` ${share(number, ledger.listed)}`)))),
    ledger.skipped.length ? [el("h3", "Skipped"), lyingBars(ledger.skipped.map(([reason, number]) => [reason, number, count(number)]))] : null,
    ledger.failed.length ? [el("h3", "Failed"), failureList(ledger.failed, ledger.failures, "failure")] : null,
    prefixes.length ? [el("h3", "Prefixes that could not be listed"), failureList(prefixes, prefixes.length, "prefix", "prefixes")] : null);
}

function overview(data, heads) {
  const { run, ledger } = data;
  const failed = run?.failedPrefixes && !ledger ? el("div.panel", el("h2", "Prefixes that could not be listed"), failureList(run.failedPrefixes, run.failedPrefixes.length, "prefix", "prefixes")) : null;
  const panels = [ledger ? ledgerPanel(ledger) : failed, run ? runPanel(run) : null].filter(Boolean);
  return el("div", { id: "overview" },
    el("div.top", el("h1", { tabindex: "-1" }, data.title), el("p.soft", run ? [status(run), ` crawled ${run.started}`] : `Made ${data.made}`)),
    totals(heads), panels.length ? el("div.panels", panels) : null);
}
