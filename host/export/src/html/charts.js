// Match graph, histograms and the time of each stage.

function heatMap() {
  const ids = report.images.map((image) => image.image_id).filter((id) => id > 0);
  const indexById = new Map(ids.map((id, index) => [id, index]));
  if (!page.pairs.length) return null;
  const pairAt = new Map();
  page.pairs.forEach((pair) => {
    const [a, b] = [indexById.get(pair[0]), indexById.get(pair[1])];
    pairAt.set(`${a},${b}`, pair).set(`${b},${a}`, pair);
  });
  const most = page.pairs.reduce((max, pair) => Math.max(max, pair[3]), 1);
  const { canvas } = drawn(() => 1, (pen, width) => {
    const cell = width / ids.length;
    const ramp = ["heat0", "heat1", "heat2"].map((name) => rgb(color(name)));
    const gap = cell > 6 ? 1 : 0;
    for (const [key, pair] of pairAt) {
      const [column, row] = key.split(",").map(Number);
      pen.fillStyle = between(ramp, Math.log1p(pair[3]) / Math.log1p(most));
      pen.fillRect(column * cell, row * cell, Math.max(1, cell - gap), Math.max(1, cell - gap));
    }
  }, { role: "img", "aria-label": "Verified matches of each pair of images" });
  canvas.addEventListener("mousemove", (event) => {
    const box = canvas.getBoundingClientRect();
    const [column, row] = [event.clientX - box.left, event.clientY - box.top].map((v) => Math.floor((v / box.width) * ids.length));
    const names = [row, column].map((index) => shown(imageById.get(ids[index])?.name ?? ""));
    const pair = pairAt.get(`${column},${row}`);
    const text = pair ? `${number(pair[3])} of ${number(pair[2])} matches verified${pair[4] ? `, ${pair[4].replaceAll("_", " ")}` : ""}` : row === column ? "" : "not matched";
    showTooltip(event, row === column ? names[0] : `${names[0]}\n${names[1]}\n${text}`);
  });
  canvas.addEventListener("mouseleave", hideTooltip);
  const cut = page.num_pairs_left_out ? ` The ${number(page.num_pairs_left_out)} weakest pairs are not drawn.` : "";
  return card("Match graph", `Verified matches of each pair, images in order of name.${cut}`, canvas,
    el("div", { class: "legend" }, "0", el("span", { class: "ramp" }), `${number(most)} matches, logarithmic`));
}

const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
function between(ramp, share) {
  const at = Math.min(share * (ramp.length - 1), ramp.length - 1.000001);
  const [low, rest] = [Math.floor(at), at % 1];
  return `rgb(${ramp[low].map((value, i) => Math.round(value + (ramp[low + 1][i] - value) * rest)).join(",")})`;
}

function histogram(title, note, { start, bin_width: width, counts }, digits, unit) {
  const most = Math.max(1, ...counts);
  if (!counts.some(Boolean)) return null;
  const [W, H, bottom, left] = [520, 190, 168, 44];
  const step = (W - left) / counts.length;
  const chart = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": title });
  for (const share of [0, 0.5, 1]) {
    const y = bottom - share * (bottom - 14);
    chart.append(svg("line", { class: "axis", x1: left, x2: W, y1: y, y2: y }), svg("text", { x: left - 6, y: y + 4, "text-anchor": "end" }, number(Math.round(share * most))));
  }
  const every = Math.ceil(counts.length / 10);
  counts.forEach((count, i) => {
    const height = (count / most) * (bottom - 14);
    const low = start + i * width;
    const last = i === counts.length - 1;
    const range = digits ? `${low.toFixed(digits)}${last ? ` ${unit} and more` : ` to ${(low + width).toFixed(digits)} ${unit}`}` : `${low} ${unit}`;
    chart.append(svg("rect", { class: "bar", x: left + i * step + 1, y: bottom - height, width: Math.max(1, step - 2), height, rx: Math.min(2, height),
      onmousemove: (event) => showTooltip(event, `${range}: ${number(count)}`), onmouseleave: hideTooltip }));
    if (i % every === 0) chart.append(svg("text", { x: left + (digits ? i : i + 0.5) * step, y: H - 6, "text-anchor": "middle" }, low.toFixed(digits)));
  });
  return card(title, note, chart);
}

function stageTimes() {
  const total = report.stages.reduce((sum, stage) => sum + stage.secs, 0);
  if (!report.stages.length) return null;
  const tint = (i) => `var(--c${i % 8})`;
  const bar = el("div", { class: "stages" }, ...report.stages.map((stage, i) => el("div", {
    style: `flex:${Math.max(stage.secs, 1e-6)} 0 0;background:${tint(i)}`,
    onmousemove: (event) => showTooltip(event, `${stage.name}: ${duration(stage.secs)}`), onmouseleave: hideTooltip,
  })));
  const rows = report.stages.map((stage, i) => el("tr", {},
    el("td", {}, el("span", { class: "swatch", style: `background:${tint(i)}` }), stage.name, stage.reused ? el("span", { class: "chip", style: "margin-left:8px" }, "reused") : null),
    el("td", { class: "num" }, duration(stage.secs)), el("td", { class: "num" }, `${fixed((100 * stage.secs) / (total || 1), 1)} %`),
    el("td", { class: "num" }, `${number(stage.items)} ${stage.items === 1 ? stage.unit.replace(/s$/, "") : stage.unit}`), el("td", { class: "num" }, stage.reused || !stage.secs ? "\u2013" : `${fixed(stage.items / stage.secs, 1)} /s`)));
  return card("Time", `${duration(report.run.total_secs)} in all. Stages overlap where the pipeline runs them side by side.`, bar,
    el("div", { class: "wrap" }, el("table", {}, el("thead", {}, el("tr", {}, el("th", {}, "Stage"), ...["Time", "Share", "Items", "Rate"].map((t) => el("th", { class: "num" }, t)))), el("tbody", {}, ...rows))));
}
