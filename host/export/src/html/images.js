// The table of images and, for the picked one, its keypoints and the matches to its best neighbour.

const VERDICTS = {
  registered: ["registered", "good"], other_component: ["in another model", "warn"], not_decodable: ["not decodable", "bad"],
  too_blurred: ["too blurred", "bad"], too_few_keypoints: ["too few keypoints", "bad"], no_overlap: ["no overlap", "bad"],
  no_geometry: ["no geometry", "bad"],
};
const thumbnailById = new Map(page.thumbnails.map((thumbnail) => [thumbnail.image_id, thumbnail]));
const keypointsById = new Map(page.keypoints.map((entry) => [entry.image_id, entry]));

function chip(image) {
  const [words, tone] = VERDICTS[image.verdict] ?? [image.verdict, "warn"];
  return el("span", { class: `chip ${tone}` }, image.model === undefined ? words : `${words} (${image.model})`);
}

const pictures = new Map();
function picture(imageId, whenReady) {
  const thumbnail = thumbnailById.get(imageId);
  if (!thumbnail) return null;
  if (!pictures.has(imageId)) {
    const picture = new Image();
    picture.addEventListener("load", whenReady);
    picture.src = `data:image/jpeg;base64,${thumbnail.jpeg}`;
    pictures.set(imageId, picture);
  }
  const ready = pictures.get(imageId);
  return ready.complete && ready.naturalWidth ? ready : null;
}

function ratioOf(imageId) {
  const [width, height] = imageById.get(imageId)?.image_size ?? [3, 2];
  return height / width;
}

function drawPicture(pen, imageId, x, y, width, height, whenReady) {
  const ready = picture(imageId, whenReady);
  if (ready) return pen.drawImage(ready, x, y, width, height);
  pen.fillStyle = color("line");
  pen.fillRect(x, y, width, height);
  pen.fillStyle = color("soft");
  pen.fillText("no thumbnail", x + 12, y + 22);
}

function matchesOf(imageId) {
  const own = page.matches.filter((sample) => sample.image1 === imageId || sample.image2 === imageId);
  const inliers = (sample) => page.pairs.find(([a, b]) => a === sample.image1 && b === sample.image2)?.[3] ?? 0;
  return own.sort((a, b) => inliers(b) - inliers(a))[0];
}

function imageDetail() {
  const body = el("div", {});
  const select = el("select", { "aria-label": "Image", onchange: () => show(Number(select.value)) },
    ...report.images.map((image) => el("option", { value: image.image_id }, shown(image.name))));
  function show(imageId) {
    const image = imageById.get(imageId);
    if (!image) return;
    select.value = imageId;
    body.replaceChildren(detailOf(image));
    redrawAll();
  }
  const section = card("One image", "Pick an image here, in the table or on the top view.", el("div", { class: "bar-row" }, select), body);
  return { section, show };
}

function detailOf(image) {
  const why = image.registered ? null : el("p", {}, image.reason, " ", el("strong", {}, image.next_step));
  const left = el("div", {}, keypointCanvas(image), el("div", { class: "legend" }, el("span", {}, el("span", { class: "swatch", style: "background:var(--observed)" }), "observes a 3D point"),
    el("span", {}, el("span", { class: "swatch", style: "background:var(--other)" }), "does not")));
  const text = `${number(image.num_keypoints)} keypoints, ${number(image.num_observations)} of them observe a point` +
    (image.mean_reprojection_error_px === null ? "" : `, mean reprojection error ${fixed(image.mean_reprojection_error_px, 2)} px`);
  return el("div", {}, el("p", {}, chip(image), " ", el("span", { class: "sub" }, text)), why, el("div", { class: "detail" }, left, matchPanel(image)));
}

function keypointCanvas(image) {
  const entry = keypointsById.get(image.image_id);
  const positions = entry ? u16sOf(entry.positions) : [];
  const { canvas, redraw } = drawn(() => ratioOf(image.image_id), (pen, width, height) => {
    drawPicture(pen, image.image_id, 0, 0, width, height, redraw);
    [false, true].forEach((isObserved) => {
      pen.fillStyle = color(isObserved ? "observed" : "other");
      for (let i = 0; 2 * i < positions.length; i += 1) {
        if ((entry.observed[i] === "1") !== isObserved) continue;
        pen.beginPath();
        pen.arc((positions[2 * i] / 65535) * width, (positions[2 * i + 1] / 65535) * height, 2, 0, 7);
        pen.fill();
      }
    });
  }, { role: "img", "aria-label": "Keypoints" });
  return canvas;
}

function matchPanel(image) {
  const sample = matchesOf(image.image_id);
  if (!sample) return el("p", { class: "note" }, "No matches to draw.");
  const ends = u16sOf(sample.segments);
  const gap = 0.012;
  const share = (1 / ratioOf(sample.image1)) / (1 / ratioOf(sample.image1) + 1 / ratioOf(sample.image2));
  const { canvas, redraw } = drawn(() => (1 - gap) * share * ratioOf(sample.image1), (pen, width, height) => {
    const width1 = width * (1 - gap) * share;
    const [x2, width2] = [width1 + width * gap, width * (1 - gap) * (1 - share)];
    drawPicture(pen, sample.image1, 0, 0, width1, height, redraw);
    drawPicture(pen, sample.image2, x2, 0, width2, height, redraw);
    pen.lineWidth = 1;
    [false, true].forEach((isInModel) => {
      pen.strokeStyle = color(isInModel ? "observed" : "other");
      pen.globalAlpha = isInModel ? 0.75 : 0.45;
      for (let i = 0; 4 * i < ends.length; i += 1) {
        if ((sample.in_model[i] === "1") !== isInModel) continue;
        pen.beginPath();
        pen.moveTo((ends[4 * i] / 65535) * width1, (ends[4 * i + 1] / 65535) * height);
        pen.lineTo(x2 + (ends[4 * i + 2] / 65535) * width2, (ends[4 * i + 3] / 65535) * height);
        pen.stroke();
      }
    });
  }, { role: "img", "aria-label": "Matches" });
  const names = `${shown(imageById.get(sample.image1)?.name ?? "")} and ${shown(imageById.get(sample.image2)?.name ?? "")}`;
  return el("div", {}, canvas, el("div", { class: "legend" },
    el("span", {}, `${ends.length / 4} of the matches of ${names}`),
    el("span", {}, el("span", { class: "swatch", style: "background:var(--observed)" }), "agree with the geometry"),
    el("span", {}, el("span", { class: "swatch", style: "background:var(--other)" }), "do not")));
}

function imageTable(pick) {
  const columns = [
    ["Image", (image) => image.name, (image) => el("td", { class: "name" }, shown(image.name))],
    ["Verdict", (image) => image.verdict, (image) => el("td", {}, chip(image))],
    ["Keypoints", (image) => image.num_keypoints], ["Matches", (image) => image.num_matches],
    ["Verified", (image) => image.num_inlier_matches], ["Observations", (image) => image.num_observations],
    ["Error px", (image) => image.mean_reprojection_error_px ?? NaN, null, 2], ["Sharpness", (image) => image.sharpness ?? NaN, null, 0],
    ["Reason and next step", null, (image) => el("td", {}, image.reason, image.next_step ? el("div", { class: "sub" }, image.next_step) : null)],
  ];
  const state = { verdict: null, text: "", column: null, up: true };
  const unregisteredFirst = [...report.images].sort((a, b) => Number(a.registered) - Number(b.registered));
  const rows = el("tbody", {});
  const fill = () => {
    const [, value] = columns[state.column] ?? [];
    const shownImages = unregisteredFirst.filter((image) => (!state.verdict || image.verdict === state.verdict) && image.name.toLowerCase().includes(state.text));
    if (value) shownImages.sort((a, b) => (value(a) > value(b) ? 1 : value(a) < value(b) ? -1 : 0) * (state.up ? 1 : -1));
    rows.replaceChildren(...shownImages.map((image) => el("tr", { class: "pick", tabindex: 0, onclick: () => pick(image.image_id), onkeydown: (event) => { if (event.key === "Enter") pick(image.image_id); } },
      ...columns.map(([, read, cell, digits]) => (cell ? cell(image) : el("td", { class: "num" }, digits === undefined ? number(read(image)) : fixed(read(image), digits)))))));
  };
  const header = columns.map(([title, value, cell], index) => el("th", { class: cell ? "" : "num" }, value ? el("button", { onclick: () => {
    [state.up, state.column] = [state.column === index ? !state.up : true, index];
    fill();
  } }, title) : title));
  const counts = new Map();
  report.images.forEach((image) => counts.set(image.verdict, (counts.get(image.verdict) ?? 0) + 1));
  const toggles = [...counts].map(([verdict, count]) => el("button", { class: "toggle", "aria-pressed": "false", onclick: () => {
    state.verdict = state.verdict === verdict ? null : verdict;
    toggles.forEach((toggle, i) => toggle.setAttribute("aria-pressed", String([...counts.keys()][i] === state.verdict)));
    fill();
  } }, `${VERDICTS[verdict]?.[0] ?? verdict} ${number(count)}`));
  const search = el("input", { type: "search", placeholder: "Filter by name", "aria-label": "Filter by name", oninput: () => { state.text = search.value.toLowerCase(); fill(); } });
  fill();
  return card("Images", null, el("div", { class: "bar-row" }, search, ...toggles), el("div", { class: "wrap scroll" }, el("table", {}, el("thead", {}, el("tr", {}, ...header)), rows)));
}
