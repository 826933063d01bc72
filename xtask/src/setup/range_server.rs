//! A tiny HTTP server for the tests of resuming: one file, with ranges or without, cut short or not.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
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
}

/// Lives as long as the process.
#[derive(Debug)]
pub struct RangeServer {
    port: u16,
    ranges: Arc<Mutex<Vec<String>>>,
}

impl RangeServer {
    /// Listens on a free port of this machine.
    pub fn start(content: Vec<u8>, behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let ranges = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&ranges);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // a client that hangs up is part of the tests
                let _ = answer(stream, &content, behaviour, &log);
            }
        });
        Self { port, ranges }
    }

    /// Where the file is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/file.whl", self.port)
    }

    /// The `Range` header of every GET so far, empty where there was none.
    pub fn ranges(&self) -> Vec<String> {
        self.ranges.lock().unwrap().clone()
    }
}

fn answer(
    mut stream: TcpStream,
    content: &[u8],
    behaviour: Behaviour,
    log: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let head: Vec<String> =
        BufReader::new(stream.try_clone()?).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let is_head = head.first().is_some_and(|line| line.starts_with("HEAD"));
    let range = head.iter().find_map(|line| line.strip_prefix("Range: ")).unwrap_or_default().to_owned();
    let from = range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap_or(0);
    let from = if behaviour == Behaviour::NoRanges { 0 } else { from };
    let body = &content[from..];
    let status = if from == 0 { "200 OK" } else { "206 Partial Content" };
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n", body.len())?;
    if from > 0 {
        write!(stream, "Content-Range: bytes {from}-{}/{}\r\n", content.len() - 1, content.len())?;
    }
    write!(stream, "\r\n")?;
    if is_head {
        return Ok(());
    }
    let is_first = {
        let mut log = log.lock().unwrap();
        log.push(range);
        log.len() == 1
    };
    match behaviour {
        Behaviour::CutFirst(num_bytes) if is_first => stream.write_all(&body[..num_bytes]),
        _ => stream.write_all(body),
    }
}
