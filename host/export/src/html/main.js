// The page: headline facts first, then pictures, then what is needed to run it again.

function fact(label, value, extra) {
  return el("div", { class: "fact" }, el("div", { class: "label" }, label), el("div", { class: "value" }, value), el("div", { class: "extra" }, extra ?? ""));
}

function headline() {
  const { run, statistics: model, images } = report;
  const registered = images.filter((image) => image.registered).length;
  const facts = [fact("Registered images", `${number(registered)} / ${number(images.length)}`, images.length ? `${fixed((100 * registered) / images.length, 1)} %` : "")];
  if (model) {
    facts.push(fact("3D points", number(model.num_points3d), `${number(model.num_observations)} observations`),
      fact("Reprojection error", `${fixed(model.mean_reprojection_error_px, 2)} px`, "mean over observations"),
      fact("Track length", fixed(model.mean_track_length, 2), "mean images a point"));
  }
  facts.push(fact("Time", duration(run.total_secs), `${run.device}, ${run.threads} thread${run.threads === 1 ? "" : "s"}`));
  if (run.peak_memory_bytes !== null) facts.push(fact("Peak memory", size(run.peak_memory_bytes), "host process"));
  const when = run.started_at.replace("T", " ").replace(/(\.\d+)?Z$/, " UTC");
  return [el("h1", {}, `Reconstruction of ${shown(run.photos)}`),
    el("p", { class: "sub" }, [run.config.name, run.mapper_engine, `scene3d ${run.scene3d_version}`, when].filter(Boolean).join("  \u00b7  ")),
    el("div", { class: "facts" }, ...facts)];
}

function banners() {
  const nothing = report.statistics ? null : el("p", { class: "banner bad" }, "Nothing could be reconstructed. The table of images says why and what to try next.");
  const warnings = report.warnings.length ? el("div", { class: "banner" }, el("ul", {}, ...report.warnings.map((text) => el("li", {}, text)))) : null;
  return [nothing, warnings];
}

function table(titles, rows) {
  return el("div", { class: "wrap" }, el("table", {}, el("thead", {}, el("tr", {}, ...titles.map((title) => el("th", {}, title)))),
    el("tbody", {}, ...rows.map((cells) => el("tr", {}, ...cells.map((cell) => el("td", { class: "name" }, cell)))))));
}

function otherModels() {
  if (!report.other_models.length) return null;
  return card("Other models", "Parts of the photos that could not be joined to the exported model.", table(["Model", "Images", "Points", "Names"],
    report.other_models.map((other) => [String(other.model), number(other.statistics.num_registered), number(other.statistics.num_points3d), other.images.map(shown).join(", ")])));
}

function sources() {
  if (report.sources.length < 2) return null;
  const share = (count, total) => `${number(count)} (${fixed((100 * count) / Math.max(total, 1), 0)} %)`;
  const sum = (field) => report.images.reduce((total, image) => total + image[field], 0);
  const keypoints = sum("num_keypoints");
  const matches = sum("num_matches") / 2; // each is one of two images
  const observations = report.statistics ? report.statistics.num_observations : 0;
  return card("Sources", "What each entry of features found. What several found counts for each of them.", table(["Entry", "Keypoints", "Matches", "Observations of points"],
    report.sources.map((source) => [source.name, share(source.num_keypoints, keypoints), share(source.num_matches, matches), share(source.num_observations, observations)])));
}

function reproduction() {
  const { run } = report;
  const hash = (text) => el("code", { class: "hash" }, text);
  return card("Run it again", `Seed ${run.seed}, device ${run.device}. run.toml beside this report holds the hashes of all inputs.`,
    run.config.command ? el("pre", {}, run.config.command) : null,
    el("h3", {}, "Plugins"), table(["Plugin", "Kind", "Version", "Licence"], report.plugins.map((p) => [p.id, p.kind, p.version, p.license])),
    report.weights.length ? el("h3", {}, "Weights") : null,
    report.weights.length ? table(["File", "Plugin", "Licence", "sha256"], report.weights.map((w) => [w.name, w.plugin, w.license, hash(w.sha256)])) : null,
    el("h3", {}, "Resolved config"), run.config.sha256 ? el("p", { class: "note" }, "sha256 ", hash(run.config.sha256)) : null, el("pre", {}, page.config_toml));
}

function outputs() {
  if (!report.outputs.length) return null;
  return card("Files", null, table(["File", "Size", "What it is for"], report.outputs.map((file) => [el("code", {}, shown(file.path)), size(file.num_bytes), file.description])));
}

const detail = imageDetail();
function pick(imageId) {
  detail.show(imageId);
  detail.section.scrollIntoView({ behavior: "smooth", block: "start" });
}
const parts = [
  ...headline(), ...banners(), topView(pick), detail.section, imageTable(pick),
  el("div", { class: "two" }, el("div", {}, heatMap()), el("div", {},
    histogram("Reprojection error", "Of all observations.", report.reprojection_errors_px, 1, "px"),
    histogram("Track length", "Images that see a point.", report.track_lengths, 0, "images"))),
  sources(), stageTimes(), otherModels(), outputs(), reproduction(),
];
document.title = `scene3d: ${shown(report.run.photos)}`;
document.getElementById("report").append(...parts.filter((part) => part !== null));
const [firstImage] = [...report.images].sort((a, b) => b.num_observations - a.num_observations);
if (firstImage) detail.show(firstImage.image_id);
redrawAll();
