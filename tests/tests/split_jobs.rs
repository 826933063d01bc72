//! Jobs that are split: whoever does the parts, in whatever order, and however often one is lost, the model is that of one
//! worker alone.

use std::path::PathBuf;
use std::thread;

use scene3d_service::jobs::executor::{Ending, ExecutorEvent, JobRequest};
use scene3d_service::jobs::worker::Voice;
use scene3d_service::jobs::worker::protocol::{Answer, PartEnding, PartJob, Told};
use scene3d_tests::{DUMMY_CONFIG, hostile_config};

use crate::split_bench::{Bench, NUM_HELPERS, NUM_IMAGES, do_part, does_it_itself, items_and_reused, listening, tasks};

/// Descriptors decide which pairs there are, and what matches.
const RETRIEVAL_CONFIG: &str = r#"
[[features]]
extractor = { plugin = "dummy-extractor" }
matcher = { plugin = "nearest" }
[[features]]
extractor = { plugin = "dummy-extractor", max_keypoints = 40 }
matcher = { plugin = "dummy-matcher" }
[pairing]
method = "retrieval"
num_neighbors = 3
[mapper]
plugin = "dummy-mapper"
"#;

/// Slow enough to be cancelled in the middle of matching.
const SLOW_CONFIG: &str = r#"
[[features]]
extractor = { plugin = "dummy-extractor", cell_size = 2 }
matcher = { plugin = "nearest" }
[pairing]
method = "sequential"
window = 4
[mapper]
plugin = "dummy-mapper"
"#;

#[test]
fn parts_of_a_job_make_the_model_of_one_worker() {
    let bench = Bench::new();
    let (splitting, alone) = (bench.splitting("splitting"), bench.worker("alone", None));
    for (index, (config, phases)) in
        [(DUMMY_CONFIG, ["extract", "match"].as_slice()), (RETRIEVAL_CONFIG, &["extract", "describe", "match"])]
            .into_iter()
            .enumerate()
    {
        let [split_id, alone_id] = ["split", "alone"].map(|name| format!("job_{name}_{index}"));
        let split = bench.follow(&splitting, bench.job(&split_id, 1, config), |parts| bench.all_help(parts));
        let whole = bench.follow(&alone, bench.job(&alone_id, 1, config), |_| unreachable!());
        assert!(matches!(whole.ending, Ending::Finished { .. }), "{:?}", whole.ending);
        assert_eq!(split.ending, whole.ending);
        assert_eq!(bench.model(&split), bench.model(&whole));
        assert!(bench.model(&split).len() >= 8, "{:?}", bench.model(&split));
        assert_eq!(bench.mapping(&split_id), bench.mapping(&alone_id));
        for stage in ["extract", "pair", "match"] {
            let (found, expected) = (items_and_reused(&split.events, stage), items_and_reused(&whole.events, stage));
            assert_eq!(found, expected, "{stage}: nothing is reused, though others did it");
        }

        assert!(!split.events.iter().any(does_it_itself), "{:#?}", split.events);
        assert!(whole.events.iter().any(does_it_itself));
        assert_eq!(split.parts.iter().map(|parts| tasks(parts)).collect::<Vec<_>>(), phases);
        assert_eq!(split.parts[0].len(), NUM_IMAGES.div_ceil(5));
        let blocks = split.parts.last().unwrap();
        assert!(blocks.len() > NUM_HELPERS && blocks.iter().all(|part| part.job.images.len() <= 6));
    }
}

#[test]
fn what_nobody_did_the_worker_does_itself() {
    let bench = Bench::new();
    let nobody = bench.follow(&bench.splitting("splitting"), bench.job("job_1", 1, RETRIEVAL_CONFIG), |_| Answer::Done);
    let whole = bench.follow(&bench.worker("alone", None), bench.job("job_2", 1, RETRIEVAL_CONFIG), |_| unreachable!());
    assert_eq!((nobody.ending.clone(), bench.model(&nobody)), (whole.ending.clone(), bench.model(&whole)));
}

#[test]
fn whoever_begins_a_part_again_goes_on_where_it_was_lost() {
    let bench = Bench::new();
    let config = SLOW_CONFIG;
    let redo = |part: &PartJob| {
        let (voice, lines) = listening();
        let lost = bench.helpers[0].begin_part(part.clone(), &voice);
        drop(voice);
        let cancel = lost.cancel();
        let working = thread::spawn(move || lost.work());
        let mut told = 0;
        for line in lines {
            if let Told::Event(ExecutorEvent::Progress { done, .. }) = line {
                told = done;
                cancel.cancel();
            }
        }
        let ending = working.join().unwrap();
        let stage = tasks(std::slice::from_ref(part));
        let [items, reused] = items_and_reused(&do_part(&bench.helpers[1], part), stage).unwrap();
        assert!(told > 0 && reused >= told && reused <= items, "{stage}: {told} were told, {reused} of {items} found");
        (ending, reused < items)
    };
    let interrupted = std::sync::Mutex::new(0);
    let split = bench.follow(&bench.splitting("splitting"), bench.job("job_1", 1, config), |parts| {
        for part in parts {
            let (ending, was_cut) = redo(part);
            *interrupted.lock().unwrap() += u32::from(ending == PartEnding::Cancelled && was_cut);
        }
        Answer::Done
    });
    let whole = bench.follow(&bench.worker("alone", None), bench.job("job_2", 1, config), |_| unreachable!());
    assert_eq!(bench.model(&split), bench.model(&whole));
    assert!(*interrupted.lock().unwrap() > 0, "no part was interrupted in its middle");
}

#[test]
fn another_attempt_has_only_the_rest_done() {
    let bench = Bench::new();
    let lost = bench.splitting("lost");
    let first = bench.follow(&lost, bench.job("job_1", 1, DUMMY_CONFIG), |parts| {
        let answer = bench.all_help(&parts[..parts.len() - 1]);
        lost.cancel("job_1");
        answer
    });
    assert_eq!((first.ending, first.parts.len()), (Ending::Cancelled, 1));
    let second =
        bench.follow(&bench.splitting("second"), bench.job("job_1", 2, DUMMY_CONFIG), |parts| bench.all_help(parts));
    assert!(matches!(second.ending, Ending::Finished { .. }), "{:?}", second.ending);
    let num_left = first.parts[0].last().unwrap().job.images.len();
    assert_eq!(second.parts[0].iter().map(|part| part.job.images.len()).sum::<usize>(), num_left);
    assert_eq!(items_and_reused(&second.events, "extract"), Some([24, 24 - num_left as u64]));
}

#[test]
fn a_retried_job_has_only_the_rest_done_and_extracts_nothing_again() {
    let bench = Bench::new();
    let alone = bench.job("job_alone", 1, RETRIEVAL_CONFIG);
    let whole = bench.follow(&bench.worker("alone", None), alone, |_| unreachable!());
    let phases = ["extract", "describe", "match"];
    for (index, lost_in) in phases.into_iter().enumerate() {
        let [lost_id, retry_id] = ["lost", "retry"].map(|name| format!("job_{name}_{lost_in}"));
        let lost = bench.splitting(&lost_id);
        let first = bench.follow(&lost, bench.job(&lost_id, 1, RETRIEVAL_CONFIG), |parts| match tasks(parts) {
            task if task == lost_in => {
                let answer = bench.all_help(&parts[..parts.len() - 1]);
                lost.cancel(&lost_id);
                answer
            }
            _ => bench.all_help(parts),
        });
        assert_eq!((first.ending, first.parts.len()), (Ending::Cancelled, index + 1));

        let inherit_from = Some(PathBuf::from("work").join(&lost_id));
        let retry = JobRequest { inherit_from, ..bench.job(&retry_id, 1, RETRIEVAL_CONFIG) };
        let second = bench.follow(&bench.splitting(&retry_id), retry, |parts| {
            for part in parts {
                let [items, reused] = items_and_reused(&do_part(&bench.helpers[0], part), "extract").unwrap();
                let task = tasks(parts);
                assert!(task == "extract" || reused == items, "{task}: {reused} of {items} were found");
            }
            Answer::Done
        });
        assert_eq!((&second.ending, bench.model(&second)), (&whole.ending, bench.model(&whole)));
        assert_eq!(second.parts.iter().map(|parts| tasks(parts)).collect::<Vec<_>>(), phases[index..]);
        assert_eq!(second.parts[0].len(), 1, "{lost_in}: all but the last was done");
    }
}

#[test]
fn a_part_that_fails_fails_the_job_with_its_reason() {
    let bench = Bench::new();
    let failed =
        bench.follow(&bench.splitting("splitting"), bench.job("job_1", 1, &hostile_config("panic_in_run")), |parts| {
            match bench.helpers[0].begin_part(parts[0].clone(), &Voice::new(drop)).work() {
                PartEnding::Failed(failure) => Answer::Failed(failure),
                other => unreachable!("{other:?}"),
            }
        });
    let Ending::Failed(failure) = failed.ending else { unreachable!("{:?}", failed.ending) };
    assert_eq!((failure.code.as_str(), failure.plugin.as_deref()), ("panicked", Some("hostile")));
    assert_eq!(failure.stage.as_deref(), Some("extract"));
}
