//! A TCP proxy that cuts connections after random numbers of bytes, as bad networks do.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rand::Rng;

/// A proxy in front of a server; its threads end with the test.
pub struct CuttingProxy {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    num_cuts: Arc<AtomicUsize>,
}

impl CuttingProxy {
    /// Cuts connections until `max_cuts` were cut, each after so many bytes of the client; later ones are left alone.
    ///
    /// # Panics
    /// If it can't listen.
    #[must_use]
    pub fn start(server_url: &str, max_cuts: usize, after_bytes: Range<usize>) -> Self {
        let server = server_url.trim_start_matches("http://").to_owned();
        let (listener, url) = match TcpListener::bind("127.0.0.1:0").and_then(|on| Ok((on.local_addr()?, on))) {
            Ok((address, listener)) => (listener, format!("http://{address}")),
            Err(error) => unreachable!("no proxy: {error}"),
        };
        let num_cuts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&num_cuts);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&server) else { continue };
                let cut = Cut { num_cuts: Arc::clone(&counted), max_cuts, after_bytes: after_bytes.clone() };
                thread::spawn(move || cut.carry(client, server));
            }
        });
        Self { url, num_cuts }
    }

    /// How many connections were cut.
    #[must_use]
    pub fn num_cuts(&self) -> usize {
        self.num_cuts.load(Ordering::SeqCst)
    }
}

struct Cut {
    num_cuts: Arc<AtomicUsize>,
    max_cuts: usize,
    after_bytes: Range<usize>,
}

impl Cut {
    fn carry(&self, mut client: TcpStream, mut server: TcpStream) {
        if let (Ok(mut from), Ok(mut to)) = (server.try_clone(), client.try_clone()) {
            thread::spawn(move || {
                drop(std::io::copy(&mut from, &mut to));
                drop(to.shutdown(Shutdown::Both));
            });
        }
        let mut bytes_left = rand::rng().random_range(self.after_bytes.clone());
        let mut chunk = [0; 4096];
        while let Ok(length @ 1..) = client.read(&mut chunk) {
            let is_over = length >= bytes_left;
            if is_over && self.is_counted() {
                break;
            }
            bytes_left = if is_over { usize::MAX } else { bytes_left - length };
            if server.write_all(&chunk[..length]).is_err() {
                break;
            }
        }
        drop(client.shutdown(Shutdown::Both));
        drop(server.shutdown(Shutdown::Both));
    }

    /// Whether this cut is one of those that are to be made.
    fn is_counted(&self) -> bool {
        let one_more = |cuts| (cuts < self.max_cuts).then_some(cuts + 1);
        self.num_cuts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more).is_ok()
    }
}
