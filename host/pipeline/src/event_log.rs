//! `logs/events.jsonl`: what a run told its watcher, but for its progress, one JSON object a line; a resumed run appends.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::observer::{Event, Observer, TimedEvent};

/// An observer that writes events down and passes them on. It never fails a run: a log that can't be written is given
/// up with a warning, so that a full disk is reported by what the run itself could not write.
pub(crate) struct EventLog {
    path: PathBuf,
    file: Mutex<Option<File>>,
    watcher: Arc<dyn Observer>,
}

impl EventLog {
    pub(crate) fn open(path: &Path, watcher: Arc<dyn Observer>) -> Self {
        let log = Self { path: path.to_owned(), file: Mutex::default(), watcher };
        match open_to_append(path) {
            Ok(file) => *log.file.lock().unwrap_or_else(PoisonError::into_inner) = Some(file),
            Err(error) => log.warn(&error),
        }
        log
    }

    fn write(&self, event: &Event) -> io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = file.as_mut() else { return Ok(()) };
        let mut line = serde_json::to_vec(&TimedEvent::now(event))?;
        line.push(b'\n');
        open.write_all(&line).inspect_err(|_| *file = None)
    }

    fn warn(&self, error: &io::Error) {
        let message = format!("events are not logged any more: {error}: {}", self.path.display());
        self.watcher.event(Event::Warning { message });
    }
}

impl Observer for EventLog {
    fn event(&self, event: Event) {
        if !matches!(event, Event::Progress { .. })
            && let Err(error) = self.write(&event)
        {
            self.warn(&error);
        }
        self.watcher.event(event);
    }
}

/// Without what a kill or a full disk left of a last line.
fn open_to_append(path: &Path) -> io::Result<File> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        other => other?,
    };
    let whole_bytes = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let file = File::options().create(true).append(true).open(path)?;
    file.set_len(whole_bytes as u64)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observer::StageName;

    #[derive(Default)]
    struct Recorder(Mutex<Vec<Event>>);

    impl Observer for Recorder {
        fn event(&self, event: Event) {
            self.0.lock().unwrap().push(event);
        }
    }

    fn events() -> [Event; 3] {
        let (stage, what) = (StageName::Match, String::new());
        [
            Event::StageStarted { stage, total: Some(3) },
            Event::Progress { stage, done: 1, total: 3, what },
            Event::Warning { message: "two\nlines".to_owned() },
        ]
    }

    fn lines(path: &Path) -> Vec<serde_json::Value> {
        fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn events_are_appended_behind_the_last_whole_line_and_passed_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let recorder = Arc::new(Recorder::default());
        let tell = || {
            let log = EventLog::open(&path, recorder.clone());
            events().into_iter().for_each(|event| log.event(event));
        };
        tell();
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [&whole, &whole[..20]].concat()).unwrap();
        tell();
        let lines = lines(&path);
        let names: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
        assert_eq!(names, ["stage_started", "warning", "stage_started", "warning"]);
        assert_eq!((&lines[0]["stage"], &lines[1]["message"]), (&"match".into(), &"two\nlines".into()));
        assert!(lines.iter().all(|line| humantime::parse_rfc3339(line["time"].as_str().unwrap()).is_ok()));
        assert_eq!(*recorder.0.lock().unwrap(), [events(), events()].concat());
    }

    fn check_given_up(log: &EventLog, recorder: &Recorder) {
        events().into_iter().for_each(|event| log.event(event));
        let seen = recorder.0.lock().unwrap();
        let (warnings, others): (Vec<_>, Vec<_>) = seen.iter().cloned().partition(
            |event| matches!(event, Event::Warning { message } if message.starts_with("events are not logged any more")),
        );
        assert_eq!((warnings.len(), others.as_slice()), (1, events().as_slice()));
    }

    #[test]
    fn a_log_that_can_not_be_opened_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Arc::new(Recorder::default());
        check_given_up(&EventLog::open(&folder.path().join("no/events.jsonl"), recorder.clone()), &recorder);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_once() {
        let recorder = Arc::new(Recorder::default());
        let full = File::options().write(true).open("/dev/full").unwrap();
        let log = EventLog { path: "/dev/full".into(), file: Mutex::new(Some(full)), watcher: recorder.clone() };
        check_given_up(&log, &recorder);
    }
}
