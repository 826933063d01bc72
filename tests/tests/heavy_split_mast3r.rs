//! A job that is split whose matcher looks at photos: each part reads those of its own.

use scene3d_service::jobs::executor::Ending;
use scene3d_tests::stand_in;

use crate::split_bench::{Bench, does_it_itself, tasks};

/// The second entry has no keypoints, and its matcher no photos.
const CONFIG: &str = r#"
[pipeline]
allow_licenses = ["CC-BY-NC-SA-4.0"]
[[features]]
extractor = { plugin = "dummy-extractor", max_keypoints = 200 }
matcher = { plugin = "mast3r" }
[[features]]
matcher = { plugin = "dummy-matcher", mode = "dense" }
[pairing]
method = "sequential"
window = 1
[mapper]
plugin = "dummy-mapper"
"#;
/// One more than a block has.
const NUM_IMAGES: usize = 7;

#[test]
fn matches_are_those_of_one_worker() {
    let Some(weights) = stand_in::mast3r() else { return };
    let mut bench = Bench::with_weights(vec![weights]);
    bench.images.truncate(NUM_IMAGES);
    let split = bench.follow(&bench.splitting("split"), bench.job("job_1", 1, CONFIG), |parts| bench.all_help(parts));
    let whole = bench.follow(&bench.worker("alone", None), bench.job("job_2", 1, CONFIG), |_| unreachable!());
    assert!(matches!(whole.ending, Ending::Finished { .. }), "{:?}", whole.ending);
    assert_eq!(split.ending, whole.ending);
    assert_eq!(bench.model(&split), bench.model(&whole));
    assert_eq!(bench.mapping("job_1"), bench.mapping("job_2"));
    let sources = bench.sources(&split);
    assert_eq!(sources, bench.sources(&whole));
    assert!((0..2).all(|entry| sources[entry]["num_matches"].as_u64().unwrap() > 0), "{sources}");
    let parts: Vec<_> = split.parts.iter().map(|parts| (tasks(parts), parts.len())).collect();
    assert_eq!(parts, [("extract", 2), ("match", 2)]);
    assert!(!split.events.iter().any(does_it_itself), "{:#?}", split.events);
}
