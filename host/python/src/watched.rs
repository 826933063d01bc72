//! Work on a thread of its own, while the Python thread that asked for it waits without the interpreter's lock: it hands events
//! to `on_event` and looks for Ctrl-C. So no other thread ever needs the interpreter.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, select};
use pyo3::prelude::*;
use pyo3::types::PyString;
use scene3d_engine::ErrorCode;
use scene3d_pipeline::{Cancel, Event, TimedEvent};

use crate::failure::Failure;

/// How often Python is asked for signals.
const POLL: Duration = Duration::from_millis(50);
/// Events that wait for a slow `on_event`; behind them the work waits too.
const MAX_WAITING: usize = 1024;

/// Tells of the work, as lines of JSON; silent where nobody listens.
#[derive(Clone)]
pub(crate) struct Teller(Option<Sender<String>>);

/// Who listens, and how it wants to be told.
pub(crate) struct Listener {
    on_event: Option<Py<PyAny>>,
    form: Form,
}

#[derive(Clone, Copy)]
enum Form {
    Dict,
    Line,
}

enum Next<T> {
    Told(String),
    Done(Result<T, Failure>),
    Nothing,
}

impl Teller {
    pub(crate) fn line(&self, line: String) {
        // whoever does not listen any more has left the work alone
        if let Some(sender) = &self.0 {
            drop(sender.send(line));
        }
    }

    pub(crate) fn event(&self, event: &Event) {
        if self.0.is_some()
            && let Ok(line) = serde_json::to_string(&TimedEvent::now(event))
        {
            self.line(line);
        }
    }
}

impl Listener {
    /// Is given dicts.
    pub(crate) fn of_dicts(on_event: Option<Py<PyAny>>) -> Self {
        Self { on_event, form: Form::Dict }
    }

    /// Is given the lines as they are.
    pub(crate) fn of_lines(on_event: Option<Py<PyAny>>) -> Self {
        Self { on_event, form: Form::Line }
    }

    fn hear(&self, py: Python<'_>, line: &str) -> PyResult<()> {
        let Some(on_event) = &self.on_event else { return Ok(()) };
        let event = match self.form {
            Form::Line => PyString::new(py, line).into_any(),
            Form::Dict => py.import("json")?.getattr("loads")?.call1((line,))?,
        };
        on_event.call1(py, (event,)).map(drop)
    }
}

/// Work that is about to be done, and who hears of it.
pub(crate) struct Watch {
    listener: Listener,
    sender: Sender<String>,
    told: Receiver<String>,
}

impl Watch {
    pub(crate) fn new(listener: Listener) -> Self {
        let (sender, told) = bounded(MAX_WAITING);
        Self { listener, sender, told }
    }

    pub(crate) fn teller(&self) -> Teller {
        Teller(self.listener.on_event.is_some().then(|| self.sender.clone()))
    }

    /// Does `work` and waits for it. Ctrl-C, and an exception of `on_event`, cancel it and are raised when it has ended;
    /// another Ctrl-C leaves it alone, to end when it notices.
    ///
    /// # Errors
    /// Why the work failed, or what interrupted it.
    pub(crate) fn over<T: Send + 'static>(
        self,
        py: Python<'_>,
        cancel: &Cancel,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> PyResult<T> {
        let done = begin(work)?;
        let mut interrupted: Option<PyErr> = None;
        loop {
            let next = py.detach(|| next(&self.told, &done));
            if let Err(signal) = py.check_signals() {
                cancel.cancel();
                if interrupted.is_some() {
                    return Err(signal);
                }
                interrupted = Some(signal);
            }
            let (line, outcome) = match next {
                Next::Nothing => (None, None),
                Next::Told(line) => (Some(line), None),
                Next::Done(outcome) => (None, Some(outcome)),
            };
            let last = self.told.try_iter().take(if outcome.is_some() { MAX_WAITING } else { 0 });
            for line in line.into_iter().chain(last) {
                if interrupted.is_none()
                    && let Err(error) = self.listener.hear(py, &line)
                {
                    cancel.cancel();
                    interrupted = Some(error);
                }
            }
            match (outcome, interrupted) {
                (Some(_), Some(error)) => return Err(error),
                (Some(outcome), None) => return Ok(outcome?),
                (None, still) => interrupted = still,
            }
        }
    }
}

/// Starts the thread; what comes of the work is sent.
fn begin<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<Receiver<Result<T, Failure>>, Failure> {
    let (end, done) = bounded(1);
    let body = move || {
        let outcome = catch_unwind(AssertUnwindSafe(work));
        // the one who waited may have left
        drop(end.send(outcome.unwrap_or_else(|panic| Err(Failure::panicked(panic.as_ref())))));
    };
    let spawned = thread::Builder::new().name("scene3d-call".to_owned()).spawn(body);
    spawned.map_err(|error| Failure::new(ErrorCode::UNAVAILABLE, format!("no thread: {error}"), ""))?;
    Ok(done)
}

fn next<T>(told: &Receiver<String>, done: &Receiver<Result<T, Failure>>) -> Next<T> {
    let lost =
        || Err(Failure::new(ErrorCode::INTERNAL, "its thread ended", "this is a bug of scene3d: please report it"));
    select! {
        recv(told) -> line => line.map_or(Next::Nothing, Next::Told),
        recv(done) -> outcome => Next::Done(outcome.unwrap_or_else(|_| lost())),
        default(POLL) => Next::Nothing,
    }
}
