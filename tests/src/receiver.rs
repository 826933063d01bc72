//! Somebody who is told the ends of jobs: an HTTP server in the test that keeps every call and answers as it is told.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A call as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// E.g. `/ended`.
    pub path: String,
    /// Values by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// Its body, whole.
    pub body: String,
}

/// The server; its thread ends with the test.
pub struct Receiver {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Receiver {
    /// Answers a call of a path, before which this path was called so often, with a status.
    ///
    /// # Panics
    /// If it can't listen.
    #[must_use]
    pub fn answering(status: impl Fn(&str, usize) -> u16 + Send + 'static) -> Self {
        let (listener, url) = match TcpListener::bind("127.0.0.1:0").and_then(|on| Ok((on.local_addr()?, on))) {
            Ok((address, listener)) => (listener, format!("http://{address}")),
            Err(error) => unreachable!("no receiver: {error}"),
        };
        let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
        let kept = Arc::clone(&calls);
        thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                let Ok(call) = read(&client) else { continue };
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                let status = status(&call.path, kept.iter().filter(|known| known.path == call.path).count());
                kept.push(call);
                let answer = format!("HTTP/1.1 {status} -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                drop(client.write_all(answer.as_bytes()));
            }
        });
        Self { url, calls }
    }

    /// Calls of a path so far.
    #[must_use]
    pub fn calls(&self, path: &str) -> Vec<Call> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.iter().filter(|call| call.path == path).cloned().collect()
    }
}

fn read(client: &TcpStream) -> std::io::Result<Call> {
    let mut reader = BufReader::new(client);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Call { path, headers, body: String::from_utf8_lossy(&body).into_owned() })
}
