//! A tiny HTTP server for tests: files with ranges or without, cut short, missing or not.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)] // a server of tests may panic as tests do

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

/// How it treats downloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Honours ranges.
    Steady,
    /// Closes the connection of the first download after that many bytes.
    CutFirst(usize),
    /// Sends the whole file whatever is asked.
    NoRanges,
    /// Has nothing.
    Missing,
}

/// A file of the server.
struct Route {
    path: String,
    content: Vec<u8>,
    behaviour: Behaviour,
}

/// Lives as long as the process.
#[derive(Debug)]
pub struct RangeServer {
    port: u16,
    ranges: Arc<Mutex<Vec<String>>>,
}

impl RangeServer {
    /// Listens on a free port of this machine; any path is that file.
    #[must_use]
    pub fn start(content: Vec<u8>, behaviour: Behaviour) -> Self {
        Self::with_routes(vec![("", content, behaviour)])
    }

    /// Files by the start of their path; the first that fits is sent.
    #[must_use]
    pub fn with_routes(routes: Vec<(&str, Vec<u8>, Behaviour)>) -> Self {
        let route = |(path, content, behaviour): (&str, _, _)| Route { path: format!("/{path}"), content, behaviour };
        let routes: Vec<Route> = routes.into_iter().map(route).collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let ranges = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&ranges);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // a client that hangs up is part of the tests
                let _ = answer(stream, &routes, &log);
            }
        });
        Self { port, ranges }
    }

    /// Where a file is.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// The `Range` header of every GET so far, empty where there was none.
    #[must_use]
    pub fn ranges(&self) -> Vec<String> {
        self.ranges.lock().unwrap().clone()
    }
}

/// Whether curl is there, which tests of downloads need; says so if not.
#[must_use]
pub fn has_curl() -> bool {
    let found = Command::new("curl").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("skipped: curl is not on PATH");
    }
    found
}

fn answer(mut stream: TcpStream, routes: &[Route], log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let head: Vec<String> =
        BufReader::new(stream.try_clone()?).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let is_head = head.first().is_some_and(|line| line.starts_with("HEAD"));
    let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let range = head.iter().find_map(|line| line.strip_prefix("Range: ")).unwrap_or_default().to_owned();
    let is_first = !is_head && {
        let mut log = log.lock().unwrap();
        log.push(range.clone());
        log.len() == 1
    };
    let route = routes.iter().find(|route| path.starts_with(&route.path));
    let Some(Route { content, behaviour, .. }) = route.filter(|route| route.behaviour != Behaviour::Missing) else {
        return write!(stream, "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    };
    let from = range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap_or(0);
    let from = if *behaviour == Behaviour::NoRanges { 0 } else { from };
    let body = &content[from..];
    let status = if from == 0 { "200 OK" } else { "206 Partial Content" };
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n", body.len())?;
    write!(stream, "ETag: \"{}\"\r\n", crate::sha256::of_bytes(content))?;
    if from > 0 {
        write!(stream, "Content-Range: bytes {from}-{}/{}\r\n", content.len() - 1, content.len())?;
    }
    write!(stream, "\r\n")?;
    match *behaviour {
        _ if is_head => Ok(()),
        Behaviour::CutFirst(num_bytes) if is_first => stream.write_all(&body[..num_bytes]),
        _ => stream.write_all(body),
    }
}
