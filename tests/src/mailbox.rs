//! A mail server for a test: it takes every mail and keeps it (RFC 5321, as much as a client without TLS needs).

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Mails that came.
#[derive(Debug, Clone)]
pub struct Mailbox {
    address: String,
    mails: Arc<Mutex<Vec<String>>>,
}

impl Mailbox {
    /// One that listens until the process ends.
    ///
    /// # Panics
    /// If there is no port.
    #[must_use]
    pub fn open() -> Self {
        let (listener, address) = match TcpListener::bind("127.0.0.1:0").and_then(|listener| {
            let address = listener.local_addr()?.to_string();
            Ok((listener, address))
        }) {
            Ok(bound) => bound,
            Err(error) => unreachable!("no port for mails: {error}"),
        };
        let mails = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&mails);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // a client that goes away has sent what it has sent
                let _ = receive(&stream, &kept);
            }
        });
        Self { address, mails }
    }

    /// `127.0.0.1:PORT`
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Every mail, with its headers, in the order in which they came.
    #[must_use]
    pub fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn receive(stream: &TcpStream, mails: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut answer = stream;
    answer.write_all(b"220 mailbox\r\n")?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = lines.next().transpose()? {
        match line.get(..4).unwrap_or_default().to_ascii_uppercase().as_str() {
            "DATA" => {
                answer.write_all(b"354 until a single dot\r\n")?;
                let mail: Vec<String> = lines.by_ref().map_while(Result::ok).take_while(|line| line != ".").collect();
                mails.lock().unwrap_or_else(PoisonError::into_inner).push(mail.join("\n"));
                answer.write_all(b"250 kept\r\n")?;
            }
            "QUIT" => return answer.write_all(b"221 bye\r\n"),
            _ => answer.write_all(b"250 ok\r\n")?,
        }
    }
    Ok(())
}
