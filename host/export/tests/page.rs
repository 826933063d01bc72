//! The report as a reader gets it: JSON that reads back, and a page that no name can break out of.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;

use scene3d_export::{
    HtmlInputs, ImageReport, MatchSample, PairReport, REPORT_SCHEMA_VERSION, Report, RunFacts, Thumbnail, Verdict,
    write_html,
};
use scene3d_scene::{ImageId, ImagePair, Keypoints};

const HOSTILE: &str = "a</script><script>alert(1)</script><!--<img src=x onerror=alert(2)>\n\"'\\ \u{202e}\u{2028}.jpg";

fn image(image_id: u32, verdict: Verdict) -> ImageReport {
    ImageReport {
        image_id,
        name: HOSTILE.to_owned(),
        image_size: Some([1000, 500]),
        num_keypoints: 2,
        num_matches: 1,
        num_inlier_matches: 0,
        registered: verdict == Verdict::Registered,
        verdict,
        reason: HOSTILE.to_owned(),
        next_step: HOSTILE.to_owned(),
        sharpness: Some(12.5),
        projection_center: None,
        num_observations: 0,
        mean_reprojection_error_px: None,
    }
}

fn report(num_images: u32) -> Report {
    let pair = |image1, image2| PairReport { image1, image2, num_matches: 60, num_inliers: 7, configuration: None };
    Report {
        schema_version: REPORT_SCHEMA_VERSION,
        run: RunFacts { photos: HOSTILE.to_owned(), ..RunFacts::default() },
        plugins: Vec::new(),
        weights: Vec::new(),
        stages: Vec::new(),
        statistics: None,
        images: (1..=num_images).map(|id| image(id, Verdict::OtherComponent { model: 1 })).collect(),
        pairs: (1..=num_images).flat_map(|a| (a + 1..=num_images).map(move |b| pair(a, b))).collect(),
        sources: Vec::new(),
        transfers: Vec::new(),
        reprojection_errors_px: scene3d_export::Histogram::default(),
        track_lengths: scene3d_export::Histogram::default(),
        other_models: Vec::new(),
        warnings: vec![HOSTILE.to_owned()],
        outputs: Vec::new(),
    }
}

fn page(num_images: u32, thumbnail_bytes: usize) -> String {
    let keypoints: BTreeMap<ImageId, Keypoints> = (1..=num_images)
        .map(|id| (ImageId(id), Keypoints { positions: vec![[250.0, 500.0]; 2000], scores: vec![1.0; 2000] }))
        .collect();
    let thumbnails: Vec<Thumbnail> = (1..=num_images)
        .map(|id| Thumbnail { image_id: ImageId(id), size: [360, 180], jpeg: vec![0xff; thumbnail_bytes] })
        .collect();
    let sample = |id| MatchSample {
        pair: ImagePair::new(ImageId(id), ImageId(id + 1)).unwrap(),
        segments: vec![[1.0, 2.0, 3.0, 4.0]; 150],
        is_inlier: vec![true; 150],
    };
    let report = report(num_images);
    let inputs = HtmlInputs {
        report: &report,
        model: None,
        thumbnails: &thumbnails,
        keypoints: &keypoints,
        match_samples: &(1..num_images).map(sample).collect::<Vec<_>>(),
        config_toml: HOSTILE,
    };
    let mut bytes = Vec::new();
    write_html(&inputs, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// The text of the data block, up to the first end tag: as a browser cuts it.
fn data(page: &str) -> serde_json::Value {
    let (_, rest) = page.split_once(r#"<script type="application/json" id="data">"#).unwrap();
    serde_json::from_str(rest.split_once("</script").unwrap().0).unwrap()
}

#[test]
fn the_report_reads_back_unchanged() {
    let report = report(3);
    let mut bytes = Vec::new();
    report.write(&mut bytes).unwrap();
    assert_eq!(serde_json::from_slice::<Report>(&bytes).unwrap(), report);
    let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!((&json["schema_version"], &json["images"][0]["verdict"]), (&1.into(), &"other_component".into()));
    assert_eq!(json["images"][0]["model"], 1);
}

#[test]
fn no_name_ends_the_data_block() {
    let page = page(2, 10);
    let data = data(&page);
    assert_eq!(data["report"]["images"][0]["name"], HOSTILE);
    assert_eq!(data["config_toml"], HOSTILE);
    // the page's own two scripts, whatever the names say
    assert_eq!((page.matches("<script").count(), page.matches("</script").count()), (2, 2));
    assert!(!page.contains("<img") && !page.contains("innerHTML") && !page.contains("{{"));
}

#[test]
fn nothing_is_loaded_from_anywhere() {
    let page = page(1, 10);
    assert!(page.contains("default-src 'none'"));
    // the only address is the name of the SVG namespace
    let addresses: Vec<&str> =
        page.match_indices("://").map(|(at, _)| &page[at - 4..(at + 17).min(page.len())]).collect();
    assert_eq!(addresses, ["http://www.w3.org/200"]);
}

#[test]
fn a_page_of_100_images_stays_below_5_mb() {
    // twice the usual size of a thumbnail, so that the budget has to leave some out
    let page = page(100, 30_000);
    assert!(page.len() < 5_000_000, "{}", page.len());
    let data = data(&page);
    assert_eq!(data["thumbnails"].as_array().unwrap().len(), 83);
    assert_eq!(data["keypoints"].as_array().unwrap().len(), 100);
    // 500 keypoints, 2 x u16 each, as base64; (0.25, 1.0) as shares
    let positions = data["keypoints"][0]["positions"].as_str().unwrap();
    assert_eq!((positions.len(), &positions[..8]), (500 * 4_usize * 4 / 3 + 2, "AED//wBA"));
}
