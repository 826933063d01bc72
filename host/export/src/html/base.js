"use strict";
// What every page uses: data, elements made of text (never of markup), tooltips, canvases in the page's colours.

const page = JSON.parse(document.getElementById("data").textContent);

function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== false && value !== undefined) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

function card(title, note, ...children) {
  return el("section", { class: "card" }, el("h2", {}, title), note ? el("p", { class: "note" }, note) : null, ...children);
}

// Control characters and direction marks of a file name, made visible.
function shown(name) {
  return name.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\u240a");
}

const grouped = new Intl.NumberFormat("en");
const number = (value) => grouped.format(value);
const fixed = (value, digits) => (Number.isFinite(value) ? value.toFixed(digits) : "\u2013");

function duration(secs) {
  if (secs < 1) return `${Math.round(secs * 1000)} ms`;
  if (secs < 60) return `${secs.toFixed(1)} s`;
  const whole = Math.round(secs);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) [bytes, unit] = [bytes / 1024, unit + 1];
  return `${unit === 0 ? bytes : bytes.toFixed(1)} ${units[unit]}`;
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

function u16sOf(base64) {
  const view = new DataView(bytesOf(base64).buffer);
  return Array.from({ length: view.byteLength / 2 }, (_, i) => view.getUint16(2 * i, true));
}

const tooltip = document.getElementById("tooltip");
function showTooltip(event, text) {
  tooltip.hidden = !text;
  if (!text) return;
  tooltip.textContent = text;
  const box = tooltip.getBoundingClientRect();
  tooltip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - box.width - 6))}px`;
  tooltip.style.top = `${event.clientY + 18 + box.height > innerHeight ? event.clientY - box.height - 10 : event.clientY + 18}px`;
}
const hideTooltip = (event) => showTooltip(event, "");

const redrawByCanvas = new Map();
function redrawAll() {
  for (const [canvas, redraw] of redrawByCanvas) {
    if (canvas.isConnected) redraw();
    else redrawByCanvas.delete(canvas);
  }
}
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// A canvas of a height-to-width ratio that draws in CSS pixels, sharp on any screen, again when size or theme change.
function drawn(ratio, draw, attributes = {}) {
  const canvas = el("canvas", attributes);
  const redraw = () => {
    const width = canvas.clientWidth;
    if (!width) return;
    const height = Math.round(width * ratio());
    const dots = devicePixelRatio || 1;
    canvas.style.height = `${height}px`;
    [canvas.width, canvas.height] = [Math.round(width * dots), Math.round(height * dots)];
    const pen = canvas.getContext("2d");
    pen.scale(dots, dots);
    draw(pen, width, height);
  };
  redrawByCanvas.set(canvas, redraw);
  return { canvas, redraw };
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);
addEventListener("resize", redrawAll);
