//! `report.html`: the report as one page that works from a file, offline, with every picture inside.

mod packed;
mod shell;
mod top_view;

use std::collections::BTreeMap;
use std::io::Write;

use scene3d_scene::{ImageId, Keypoints, Reconstruction};
use serde_json::{Value, json};

use crate::preview::spread;
use crate::{ExportError, MatchSample, PairReport, Report, Thumbnail};
use packed::{base64, pack_u16};

pub use shell::{Page, write_page};

const FORMAT: &str = "report.html";
const SCRIPTS: [&str; 5] = [
    include_str!("html/report.js"),
    include_str!("html/top_view.js"),
    include_str!("html/images.js"),
    include_str!("html/charts.js"),
    include_str!("html/main.js"),
];
/// More dots than this hide the picture.
const MAX_KEYPOINTS: usize = 500;
/// Together with everything else this keeps the page of 100 images below 5 MB.
const MAX_THUMBNAILS_BYTES: usize = 2_500_000;
/// A heat map of more pairs has cells below a pixel.
const MAX_PAIRS: usize = 20_000;
/// Images whose keypoints and matches are drawn; of more, the report would take seconds to open.
const MAX_DRAWN_IMAGES: usize = 400;

/// What the page is made of.
#[derive(Debug, Clone, Copy)]
pub struct HtmlInputs<'a> {
    /// The facts.
    pub report: &'a Report,
    /// The exported model, if there is one.
    pub model: Option<&'a Reconstruction>,
    /// Pictures, in the order in which they are worth showing; what exceeds the size budget is left out.
    pub thumbnails: &'a [Thumbnail],
    /// Keypoints of images that are not registered; of registered images the model's are drawn.
    pub keypoints: &'a BTreeMap<ImageId, Keypoints>,
    /// Matches to draw; of several that an image takes part in, the one with the most inliers is drawn.
    pub match_samples: &'a [MatchSample],
    /// The resolved config.
    pub config_toml: &'a str,
}

/// Writes the page.
///
/// # Errors
/// [`ExportError::Write`] if the sink fails.
pub fn write_html(inputs: &HtmlInputs<'_>, sink: impl Write) -> Result<(), ExportError> {
    let data = page_data(inputs)?;
    let page = Page { title: "scene3d report", json_name: "report.json", data: &data, scripts: &SCRIPTS };
    write_page(&page, sink)
}

fn page_data(inputs: &HtmlInputs<'_>) -> Result<Value, ExportError> {
    let mut report = serde_json::to_value(inputs.report).map_err(ExportError::json(FORMAT))?;
    // drawn from the compact form below
    report["pairs"] = json!([]);
    let pairs = strongest_pairs(&inputs.report.pairs);
    let sizes: BTreeMap<u32, [u32; 2]> =
        inputs.report.images.iter().filter_map(|image| Some((image.image_id, image.image_size?))).collect();
    Ok(json!({
        "report": report,
        "config_toml": inputs.config_toml,
        "pairs": pairs.iter().map(|p| json!([p.image1, p.image2, p.num_matches, p.num_inliers, p.configuration])).collect::<Value>(),
        "num_pairs_left_out": inputs.report.pairs.len() - pairs.len(),
        "top_view": inputs.model.filter(|_| inputs.report.statistics.is_some()).map(top_view::top_view),
        "thumbnails": thumbnails(inputs.thumbnails),
        "keypoints": keypoints(inputs, &sizes),
        "matches": inputs.match_samples.iter().take(MAX_DRAWN_IMAGES).filter_map(|s| matches(s, &sizes)).collect::<Value>(),
    }))
}

/// The pairs with the most inliers, in their own order.
fn strongest_pairs(pairs: &[PairReport]) -> Vec<PairReport> {
    let mut pairs = pairs.to_vec();
    pairs.sort_by_key(|pair| (std::cmp::Reverse((pair.num_inliers, pair.num_matches)), pair.image1, pair.image2));
    pairs.truncate(MAX_PAIRS);
    pairs.sort_by_key(|pair| (pair.image1, pair.image2));
    pairs
}

fn thumbnails(thumbnails: &[Thumbnail]) -> Value {
    let mut bytes_left = MAX_THUMBNAILS_BYTES;
    let fits = |thumbnail: &&Thumbnail| {
        let fits = thumbnail.jpeg.len() <= bytes_left;
        bytes_left -= if fits { thumbnail.jpeg.len() } else { 0 };
        fits
    };
    let entry = |thumbnail: &Thumbnail| json!({"image_id": thumbnail.image_id, "jpeg": base64(&thumbnail.jpeg)});
    thumbnails.iter().filter(fits).map(entry).collect()
}

fn keypoints(inputs: &HtmlInputs<'_>, sizes: &BTreeMap<u32, [u32; 2]>) -> Value {
    let registered = |id: &ImageId| inputs.model.and_then(|model| model.images.get(id));
    let entry = |(id, size): (&u32, &[u32; 2])| {
        let image_id = ImageId(*id);
        let (positions, observed): (Vec<[f64; 2]>, Vec<bool>) = if let Some(image) = registered(&image_id) {
            let observed = |index: usize| image.point3d_ids.get(index).is_some_and(Option::is_some);
            spread(image.keypoints.len(), MAX_KEYPOINTS).map(|i| (image.keypoints[i], observed(i))).unzip()
        } else {
            let positions = &inputs.keypoints.get(&image_id)?.positions;
            spread(positions.len(), MAX_KEYPOINTS).map(|i| (positions[i].map(f64::from), false)).unzip()
        };
        Some(json!({"image_id": id, "positions": pack_in(&positions, *size), "observed": flags(&observed)}))
    };
    sizes.iter().take(MAX_DRAWN_IMAGES).filter_map(entry).collect()
}

fn matches(sample: &MatchSample, sizes: &BTreeMap<u32, [u32; 2]>) -> Option<Value> {
    let (size1, size2) = (sizes.get(&sample.pair.image1.0)?, sizes.get(&sample.pair.image2.0)?);
    let [w1, h1, w2, h2] = [size1[0], size1[1], size2[0], size2[1]].map(f64::from);
    let shares = sample.segments.iter().flat_map(|segment| {
        let [x1, y1, x2, y2] = segment.map(f64::from);
        [x1 / w1, y1 / h1, x2 / w2, y2 / h2]
    });
    Some(json!({
        "image1": sample.pair.image1,
        "image2": sample.pair.image2,
        "segments": pack_u16(shares),
        "in_model": flags(&sample.is_inlier),
    }))
}

/// Positions as shares of the image's span.
fn pack_in(positions: &[[f64; 2]], size: [u32; 2]) -> String {
    let [width, height] = size.map(f64::from);
    pack_u16(positions.iter().flat_map(|[x, y]| [x / width, y / height]))
}

fn flags(flags: &[bool]) -> String {
    flags.iter().map(|flag| if *flag { '1' } else { '0' }).collect()
}
