//! On a folder as object store, with outputs that hold what tests write there.

use std::fs;
use std::sync::{Arc, Mutex};

use super::*;
use crate::jobs::executor::ExecutorEvent;

struct Fixture {
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Fixture {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { folder: tempfile::tempdir().unwrap(), runtime }
    }

    fn work(&self, writer: &str) -> KeptWork {
        self.work_of("work/job_1", writer)
    }

    fn work_of(&self, key: &str, writer: &str) -> KeptWork {
        let url = url::Url::from_file_path(self.folder.path().join("objects")).unwrap();
        let out = self.folder.path().join(format!("{key}-{writer}"));
        fs::create_dir_all(&out).unwrap();
        let blobs = Blobs::make(url.as_str()).unwrap();
        KeptWork::of(blobs, key.to_owned(), writer.to_owned(), out).unwrap()
    }
}

fn write(work: &KeptWork, name: &str, content: &str) {
    let path = FinishedWork::path_in(&work.out, name);
    make_folder_of(&path).unwrap();
    fs::write(path, content).unwrap();
}

fn warning(message: &str) -> Told {
    Told::Event(ExecutorEvent::Warning { message: message.to_owned() })
}

#[test]
fn what_is_told_is_kept_and_another_attempt_goes_on_from_it() {
    let fixture = Fixture::new();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let begin = |work: &KeptWork| {
        let heard = Arc::clone(&lines);
        let voice = Voice::new(move |line| heard.lock().unwrap().push(line));
        let handle = fixture.runtime.handle().clone();
        Keeper::begin(work.clone(), ("job_1".to_owned(), voice), Cancel::default(), handle).unwrap()
    };
    let first = fixture.work("1");
    let keeper = begin(&first);
    write(&first, "features/a.safetensors", "a");
    keeper.told().send(Some(warning("a is finished"))).unwrap();
    while lines.lock().unwrap().is_empty() {
        thread::yield_now();
    }
    // told, so that it is there, whatever becomes of the attempt
    let second = fixture.work("2");
    fixture.runtime.block_on(second.put_back()).unwrap();
    assert_eq!(fs::read_to_string(FinishedWork::path_in(&second.out, "features/a.safetensors")).unwrap(), "a");

    let other = begin(&second);
    write(&second, "features/b.safetensors", "b");
    write(&first, "features/b.safetensors", "b");
    other.end().unwrap();
    keeper.end().unwrap();
    let keys = fixture.runtime.block_on(first.blobs.list("work")).unwrap();
    let keys: Vec<_> = keys.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["work/job_1/features/a.safetensors", "work/job_1/features/b.safetensors"]);
}

#[test]
fn pieces_of_a_journal_follow_each_other_in_their_order() {
    let fixture = Fixture::new();
    let work = fixture.work("11");
    let piece = |writer: &str, offset: u64, bytes: &str| {
        let name = "matches/m.journal".to_owned();
        let part = FinishedPart::Records { name, offset, bytes: bytes.as_bytes().to_vec() };
        let work = KeptWork { writer: writer.to_owned(), ..work.clone() };
        fixture.runtime.block_on(work.put(part)).unwrap();
    };
    let journal = |work: &KeptWork| fs::read_to_string(FinishedWork::path_in(&work.out, "matches/m.journal"));
    piece("10", 9, "c");
    piece("09", 1000, "b");
    piece("09", 0, "a");
    piece("10", 10, "d");
    fixture.runtime.block_on(work.put_back()).unwrap();
    assert_eq!(journal(&work).unwrap(), "abcd");

    // each piece once, and nothing of it goes back again
    piece("10", 11, "e");
    fixture.runtime.block_on(work.put_back()).unwrap();
    fixture.runtime.block_on(work.put_new()).unwrap();
    assert_eq!(journal(&work).unwrap(), "abcde");
    assert_eq!(fixture.runtime.block_on(work.blobs.list("work/job_1")).unwrap().len(), 5);

    // of its own alone, where it is one of many
    let other = fixture.work("10");
    let missing = ["features/none.safetensors".to_owned()];
    let journals = ["matches/m.journal".to_owned()];
    fixture.runtime.block_on(other.put_back_some(&missing, &journals)).unwrap();
    assert_eq!(journal(&other).unwrap(), "cde");
}

#[test]
fn a_retry_of_a_retry_has_what_both_kept_though_they_are_removed() {
    let fixture = Fixture::new();
    let run = |work: &KeptWork, inherits: &str, name: &str| {
        fixture.runtime.block_on(async {
            // whoever begins again does so again
            work.inherit(inherits).await.unwrap();
            work.inherit(inherits).await.unwrap();
            work.blobs.delete_all(inherits).await.unwrap();
            work.put_back().await.unwrap();
            write(work, &format!("features/{name}.safetensors"), name);
            work.put_new().await.unwrap();
            let (journal, bytes) = ("matches/m.journal".to_owned(), name.as_bytes().to_vec());
            work.put(FinishedPart::Records { name: journal, offset: 0, bytes }).await.unwrap();
        });
    };
    for (key, inherits, name) in [("1", "none", "a"), ("2", "1", "b"), ("3", "2", "c")] {
        let [key, inherits] = [key, inherits].map(|job| format!("work/job_{job}"));
        // all are the first attempts of their jobs
        run(&fixture.work_of(&key, "000001"), &inherits, name);
    }
    let last = fixture.work_of("work/job_3", "000002");
    fixture.runtime.block_on(last.put_back()).unwrap();
    let read = |name: &str| fs::read_to_string(FinishedWork::path_in(&last.out, name)).unwrap();
    assert_eq!(["a", "b", "c"].map(|name| read(&format!("features/{name}.safetensors"))), ["a", "b", "c"]);
    let mut records: Vec<char> = read("matches/m.journal").chars().collect();
    records.sort_unstable();
    assert_eq!(records, ['a', 'b', 'c']);
}

#[test]
fn a_store_that_takes_nothing_cancels_the_run_and_says_why() {
    let fixture = Fixture::new();
    let (work, cancel) = (fixture.work("1"), Cancel::default());
    let voice = Voice::new(drop);
    let handle = fixture.runtime.handle().clone();
    let keeper = Keeper::begin(work.clone(), ("job_1".to_owned(), voice), cancel.clone(), handle).unwrap();
    fs::rename(fixture.folder.path().join("objects"), fixture.folder.path().join("away")).unwrap();
    write(&work, "features/a.safetensors", "a");
    while !cancel.is_cancelled() {
        thread::yield_now();
    }
    assert!(keeper.end().is_err());
}
