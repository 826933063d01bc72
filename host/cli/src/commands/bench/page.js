// The page: the machine, the plots, then every figure, then what is needed to measure again.

const figuresOf = (outcome) => (outcome && outcome.status === "measured" ? outcome.figures : null);
const memory = (bytes) => (bytes === null ? "\u2013" : size(bytes));
const nameOf = (row) => (row.matcher ? `${row.extractor} + ${row.matcher}` : row.extractor);

function headline() {
  const { machine, photos } = page;
  const facts = [machine.cpu, `${machine.num_threads} thread${machine.num_threads === 1 ? "" : "s"}`, machine.memory_bytes === null ? null : size(machine.memory_bytes), machine.system, `on the ${machine.device}`, `scene3d ${page.scene3d_version}`, page.started_at.replace("T", " ").replace("Z", " UTC")];
  const taken = Math.min(photos.num_images, photos.max_images);
  return [el("h1", {}, `Benchmark on ${shown(photos.folder)}`), el("p", { class: "sub" }, facts.filter(Boolean).join("  \u00b7  ")),
    el("p", { class: "sub" }, `${number(taken)} of ${number(photos.num_images)} photos, at most ${number(photos.max_pairs)} pairs. Each measurement ran in a process of its own with all instances busy, after a warm-up.`)];
}

function chip(outcome) {
  if (outcome.status === "measured") return null;
  return outcome.status === "failed" ? el("span", { class: "chip bad" }, "failed") : el("span", { class: "chip" }, "does not fit");
}

// columns: [{ title, text, value, better }]; the best of a column is bold.
function figuresTable(title, note, rows, outcomeOf, columns) {
  if (!rows.length) return null;
  const measured = rows.map((row) => figuresOf(outcomeOf(row)));
  const best = columns.map(({ value, better }) => {
    const values = measured.filter(Boolean).map((figures) => (value ? value(figures) : null)).filter((v) => v !== null);
    return better && Math.min(...values) < Math.max(...values) ? Math[better](...values) : null;
  });
  const cell = (column, figures, i) => {
    const isBest = best[i] !== null && column.value(figures) === best[i];
    return el("td", { class: "num" }, isBest ? el("strong", {}, column.text(figures)) : column.text(figures));
  };
  const body = rows.map((row, at) => {
    const outcome = outcomeOf(row);
    const cells = measured[at] ? columns.map((column, i) => cell(column, measured[at], i)) : [el("td", { colspan: columns.length }, chip(outcome), " ", shown(outcome.reason))];
    return el("tr", {}, el("td", {}, nameOf(row)), ...cells);
  });
  const head = el("tr", {}, el("th", {}, ""), ...columns.map((column) => el("th", { class: "num" }, column.title)));
  return card(title, note, el("div", { class: "wrap" }, el("table", {}, el("thead", {}, head), el("tbody", {}, ...body))));
}

const peak = (of) => ({ title: "Peak memory", text: (f) => memory(of(f)), value: of, better: "min" });
const onDevice = { title: "GPU memory", text: (f) => (f.peak_device_bytes === null ? "n/a" : size(f.peak_device_bytes)), value: (f) => f.peak_device_bytes, better: "min" };
const energy = { title: "Energy", text: (f) => (f.joules === null ? "n/a" : `${fixed(f.joules, 2)} J`), value: (f) => f.joules, better: "min" };
const timed = (title, of) => ({ title, text: (f) => ms(of(f)), value: of, better: "min" });
const rate = (title, of) => ({ title, text: (f) => `${of(f) < 100 ? fixed(of(f), 2) : number(Math.round(of(f)))} /s`, value: of, better: "max" });
const plain = (title, of) => ({ title, text: (f) => number(Math.round(of(f))) });

const extractColumns = [timed("Median of an image", (f) => f.image_ms.p50), timed("p95", (f) => f.image_ms.p95), rate("Images", (f) => f.images_per_sec),
  plain("Keypoints of an image", (f) => f.keypoints_per_image), peak((f) => f.peak_resident_bytes), onDevice, energy];
const matchColumns = [timed("Prepare an image", (f) => f.prepare_ms.p50), timed("Median of a pair", (f) => f.pair_ms.p50), timed("p95", (f) => f.pair_ms.p95),
  rate("Pairs", (f) => f.pairs_per_sec), plain("Matches of a pair", (f) => f.matches_per_pair), peak((f) => f.peak_resident_bytes), onDevice, energy];
const auc = (deg, i) => ({ title: `AUC at ${deg} deg`, text: (f) => `${fixed(f.auc_percent[i], 1)} %`, value: (f) => f.auc_percent[i], better: "max" });
const runColumns = [{ title: "Registered", text: (f) => `${f.num_registered} / ${f.num_images}`, value: (f) => f.num_registered, better: "max" }, auc(1, 0), auc(3, 1), auc(5, 2),
  { title: "Centre error, rms", text: (f) => fixed(f.center_error_rms ?? NaN, 5), value: (f) => f.center_error_rms, better: "min" },
  { title: "Time", text: (f) => duration(f.total_secs), value: (f) => f.total_secs, better: "min" }, peak((f) => f.peak_resident_bytes)];

function measuredRows(rows, outcomeOf, entry) {
  const all = rows.map((row, color) => ({ name: nameOf(row), color, figures: figuresOf(outcomeOf(row)) }));
  return all.filter((row) => row.figures).map(({ name, color, figures }) => ({ name, color, ...entry(figures) }));
}

function plots() {
  const runs = measuredRows(page.combinations, (row) => row.reconstruction, (f) => ({ secs: f.total_secs, auc: f.auc_percent, lines: [`${f.num_registered} of ${f.num_images} images registered`] }));
  const extractors = measuredRows(page.extractors, (row) => row, (f) => ({ summary: f.image_ms, lines: [`${fixed(f.images_per_sec, 2)} images a second with ${f.num_instances} at once`] }));
  const combinations = measuredRows(page.combinations, (row) => row, (f) => ({ summary: f.pair_ms, lines: [`${fixed(f.pairs_per_sec, 2)} pairs a second with ${f.num_instances} at once`, `${number(Math.round(f.matches_per_pair))} matches a pair`] }));
  const note = (what) => `Time of ${what}: the solid bar ends at the median, the light one at the 95th percentile. Shorter is better.`;
  return [el("div", { class: "two" }, bars("Extract", note("one image"), extractors), bars("Match", note("one pair, both images prepared"), combinations)), accuracyAgainstTime(runs)];
}

function whyNoDeviceFigures() {
  const figures = [...page.extractors, ...page.combinations].map(figuresOf).filter(Boolean);
  const reasons = new Set(figures.map((f) => f.why_no_device_figures).filter(Boolean));
  return reasons.size ? ` GPU memory or energy is n/a: ${[...reasons].map(shown).join("; ")}.` : "";
}

function tables() {
  const runs = page.combinations.filter((row) => row.reconstruction);
  return [figuresTable("Extractors", `Bold is best. Peak memory is that of the whole process, photos included; energy is the GPU's for one item.${whyNoDeviceFigures()}`, page.extractors, (row) => row, extractColumns),
    figuresTable("Extractors with matchers", "Preparing happens once an image, however many pairs it is in.", page.combinations, (row) => row, matchColumns),
    figuresTable("Whole runs", `Against ${page.ground_truth === null ? "" : shown(page.ground_truth)}. The centre error is in units of the ground truth; peak memory is without the mapper's own processes.`, runs, (row) => row.reconstruction, runColumns)];
}

function again() {
  const configs = [...page.extractors.map((row) => ({ [row.extractor]: row.config })), ...page.combinations.filter((row) => row.config).map((row) => ({ [row.matcher]: row.config }))];
  return card("Measure again", null, el("pre", {}, page.command), el("h3", {}, "Resolved configs"), el("pre", {}, JSON.stringify(Object.assign({}, ...configs), null, 2)));
}

document.getElementById("report").append(...[...headline(), ...plots(), ...tables(), again()].filter(Boolean));
