// Bars of median and 95th percentile, and accuracy against time.

const tint = (i) => `var(--c${i % 8})`;
const ms = (value) => `${value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : number(Math.round(value))} ms`;

// A step of 1, 2 or 5 times a power of ten that cuts a span into about `count` parts.
function niceStep(span, count) {
  const power = 10 ** Math.floor(Math.log10(span / count));
  return [1, 2, 5, 10].map((times) => times * power).find((step) => span / step <= count + 0.5) ?? 10 * power;
}

function ticks(low, high, count) {
  const step = niceStep(high - low || 1, count);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

// rows: [{ name, color, summary, lines }]; the solid bar ends at the median, the light one at the 95th percentile.
function bars(title, note, rows) {
  if (!rows.length) return null;
  const [W, line, top, bar] = [560, 46, 8, 16];
  const H = top + rows.length * line + 26;
  const high = 1.02 * Math.max(...rows.map((row) => row.summary.p95));
  const x = (value) => (value / high) * (W - 10);
  const chart = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": title });
  for (const tick of ticks(0, high, 6)) {
    chart.append(svg("line", { class: "axis", x1: x(tick), x2: x(tick), y1: top, y2: H - 22 }),
      svg("text", { x: x(tick), y: H - 6, "text-anchor": tick ? "middle" : "start" }, tick ? number(tick) : "0 ms"));
  }
  rows.forEach((row, i) => {
    const y = top + i * line;
    const { p50, p95 } = row.summary;
    const rect = (to, opacity) => svg("rect", { x: 0, y: y + 20, width: Math.max(1, x(to)), height: bar, rx: 2, style: `fill:${tint(row.color)};opacity:${opacity}` });
    const label = svg("text", { x: 0, y: y + 14, style: "fill:var(--ink);font-size:12px" }, row.name);
    const figures = svg("tspan", { style: "fill:var(--soft);font-size:11px", dx: 8 }, `${ms(p50)}, p95 ${ms(p95)}`);
    label.append(figures);
    const tip = (event) => showTooltip(event, [row.name, `median ${ms(p50)}`, `95th percentile ${ms(p95)}`, `${ms(row.summary.min)} to ${ms(row.summary.max)} in ${number(row.summary.num_samples)} samples`, ...row.lines].join("\n"));
    chart.append(svg("g", { onmousemove: tip, onmouseleave: hideTooltip }, label, rect(p95, 0.35), rect(p50, 1)));
  });
  return card(title, note, chart);
}

// rows: [{ name, color, secs, auc: [at 1, at 3, at 5 deg], lines }]
function accuracyAgainstTime(rows) {
  if (!rows.length) return null;
  const thresholds = [1, 3, 5];
  const holder = el("div");
  const draw = (chosen) => {
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(i === chosen)));
    holder.replaceChildren(scatter(rows, chosen, thresholds[chosen]));
  };
  const buttons = thresholds.map((deg, i) => el("button", { class: "toggle", type: "button", onclick: () => draw(i) }, `${deg} deg`));
  draw(0);
  return card("Accuracy against time", "Pose AUC of a whole run against its wall time, decoding and mapping included. Up and to the left is better.",
    el("div", { class: "bar-row" }, "AUC at", ...buttons), holder);
}

function scatter(rows, chosen, deg) {
  const [W, H, left, bottom, top, right] = [1120, 360, 52, 318, 14, 1090];
  const high = 1.15 * Math.max(...rows.map((row) => row.secs));
  const lowest = Math.min(...rows.map((row) => row.auc[chosen]));
  // far from zero the differences would vanish
  const low = lowest > 50 ? Math.max(0, Math.floor(lowest / 10 - 0.5) * 10) : 0;
  const x = (secs) => left + (secs / high) * (right - left);
  const y = (percent) => bottom - ((percent - low) / (100 - low)) * (bottom - top);
  const chart = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `AUC at ${deg} deg against seconds` });
  for (const tick of ticks(low, 100, 6)) {
    chart.append(svg("line", { class: "axis", x1: left, x2: right, y1: y(tick), y2: y(tick) }), svg("text", { x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, `${number(tick)} %`));
  }
  for (const tick of ticks(0, high, 10)) {
    chart.append(svg("text", { x: x(tick), y: bottom + 18, "text-anchor": "middle" }, number(tick)));
  }
  chart.append(svg("text", { x: right, y: H - 6, "text-anchor": "end" }, "seconds"));
  const placed = [];
  rows.forEach((row) => {
    const at = [x(row.secs), y(row.auc[chosen])];
    const length = 6.8 * row.name.length;
    const isRight = at[0] + 12 + length > right;
    const spot = [at[0] + (isRight ? -12 : 12), at[1] + 4];
    const from = isRight ? spot[0] - length : spot[0];
    // labels that would cover each other stand one above the other
    while (placed.some((other) => from < other.to && other.from < from + length && Math.abs(other.y - spot[1]) < 15)) spot[1] -= 15;
    placed.push({ from, to: from + length, y: spot[1] });
    const tip = (event) => showTooltip(event, [row.name, `AUC at ${deg} deg: ${fixed(row.auc[chosen], 1)} %`, duration(row.secs), ...row.lines].join("\n"));
    chart.append(svg("g", { onmousemove: tip, onmouseleave: hideTooltip },
      svg("circle", { cx: at[0], cy: at[1], r: 7, style: `fill:${tint(row.color)};stroke:var(--card);stroke-width:2` }),
      svg("text", { x: spot[0], y: spot[1], "text-anchor": isRight ? "end" : "start", style: "fill:var(--ink);font-size:12px" }, row.name)));
  });
  return chart;
}
