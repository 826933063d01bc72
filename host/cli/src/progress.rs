//! What a run tells its user: bars on a terminal, plain lines elsewhere, JSON lines for machines.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use scene3d_pipeline::{Event, Observer, StageName, TimedEvent};

/// Plain lines of a stage in progress are at least this far apart.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

/// The observer that fits: JSON if asked for, bars if stderr is a terminal.
pub fn observer(json: bool) -> Arc<dyn Observer> {
    if json {
        Arc::new(JsonLines)
    } else if std::io::stderr().is_terminal() {
        Arc::new(Bars::default())
    } else {
        Arc::new(PlainLines::default())
    }
}

struct JsonLines;

impl Observer for JsonLines {
    fn event(&self, event: Event) {
        if let Ok(line) = serde_json::to_string(&TimedEvent::now(&event)) {
            println!("{line}");
        }
    }
}

#[derive(Default)]
struct Bars(Mutex<Option<ProgressBar>>);

impl Observer for Bars {
    fn event(&self, event: Event) {
        let mut bar = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::StageStarted { stage, total } => *bar = Some(new_bar(stage, total)),
            Event::Progress { done, total, what, .. } => {
                if let Some(bar) = bar.as_ref() {
                    bar.set_length(total as u64);
                    bar.set_position(done as u64);
                    bar.set_message(what);
                }
            }
            Event::StageFinished { stage, items, reused, secs } => {
                if let Some(bar) = bar.take() {
                    bar.finish_and_clear();
                }
                eprintln!("{}", finished_line(stage, items, reused, secs));
            }
            Event::Warning { message } => suspended(bar.as_ref(), || tracing::warn!("{message}")),
            Event::Log { level, target, message } => suspended(bar.as_ref(), || log(level, &target, &message)),
            Event::Extracted { .. } | Event::Resident { .. } => {}
            // the error itself is printed last, when the program ends
            Event::RunFailed(_) => drop(bar.take().inspect(ProgressBar::finish_and_clear)),
        }
    }
}

fn new_bar(stage: StageName, total: Option<usize>) -> ProgressBar {
    let bar = total.map_or_else(ProgressBar::new_spinner, |total| ProgressBar::new(total as u64));
    let template = match total {
        Some(_) => "{prefix:>8} [{bar:32}] {pos}/{len} {per_sec} eta {eta} {wide_msg}",
        None => "{prefix:>8} {spinner} {wide_msg}",
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("=> "));
    bar.set_prefix(stage.name());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn suspended(bar: Option<&ProgressBar>, write: impl FnOnce()) {
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

#[derive(Default)]
struct PlainLines(Mutex<Option<Instant>>);

impl Observer for PlainLines {
    fn event(&self, event: Event) {
        match event {
            Event::StageStarted { .. } => {
                *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            }
            Event::Progress { stage, done, total, what } => {
                let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                if last.is_none_or(|last| last.elapsed() >= PLAIN_INTERVAL) {
                    *last = Some(Instant::now());
                    eprintln!("{:>8}  {}% {what}", stage.name(), 100 * done / total.max(1));
                }
            }
            Event::StageFinished { stage, items, reused, secs } => {
                eprintln!("{}", finished_line(stage, items, reused, secs));
            }
            Event::Warning { message } => tracing::warn!("{message}"),
            Event::Log { level, target, message } => log(level, &target, &message),
            Event::Extracted { .. } | Event::Resident { .. } | Event::RunFailed(_) => {}
        }
    }
}

fn finished_line(stage: StageName, items: usize, reused: usize, secs: f64) -> String {
    let rate =
        if reused == 0 && items > 0 && secs > 0.05 { format!(", {:.1}/s", items as f64 / secs) } else { String::new() };
    let reused = if reused > 0 { format!(", {reused} from the earlier run") } else { String::new() };
    format!("{:>8}  {items} {} in {secs:.2} s{rate}{reused}", stage.name(), stage.unit())
}

fn log(level: &str, target: &str, message: &str) {
    match level {
        "error" => tracing::error!(plugin = target, "{message}"),
        "warn" => tracing::warn!(plugin = target, "{message}"),
        "debug" => tracing::debug!(plugin = target, "{message}"),
        "trace" => tracing::trace!(plugin = target, "{message}"),
        _ => tracing::info!(plugin = target, "{message}"),
    }
}
