//! A TCP proxy that cuts connections after random numbers of bytes, as bad networks do.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A proxy in front of a server; its threads end with the test.
pub struct CuttingProxy {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    num_cuts: Arc<AtomicUsize>,
}

/// Who sends the bytes after which a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// Who connects.
    Client,
    /// Who answers.
    Server,
}

/// Which connections are cut.
#[derive(Debug, Clone)]
pub struct Cuts {
    /// So many; later ones are left alone.
    pub num_cuts: usize,
    /// Whose bytes are counted.
    pub sender: Sender,
    /// Each after so many of them.
    pub after_bytes: Range<usize>,
    /// Of the random numbers of bytes.
    pub seed: u64,
}

impl CuttingProxy {
    /// Cuts connections until all `cuts` were made.
    ///
    /// # Panics
    /// If it can't listen.
    #[must_use]
    pub fn start(server_url: &str, cuts: Cuts) -> Self {
        let server = server_url.trim_start_matches("http://").to_owned();
        let (listener, url) = match TcpListener::bind("127.0.0.1:0").and_then(|on| Ok((on.local_addr()?, on))) {
            Ok((address, listener)) => (listener, format!("http://{address}")),
            Err(error) => unreachable!("no proxy: {error}"),
        };
        let num_cuts = Arc::new(AtomicUsize::new(0));
        let random = Mutex::new(StdRng::seed_from_u64(cuts.seed));
        let cutter = Arc::new(Cutter { num_cuts: Arc::clone(&num_cuts), random, cuts });
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&server) else { continue };
                let cutter = Arc::clone(&cutter);
                thread::spawn(move || cutter.carry(client, server));
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

struct Cutter {
    num_cuts: Arc<AtomicUsize>,
    random: Mutex<StdRng>,
    cuts: Cuts,
}

impl Cutter {
    fn carry(&self, client: TcpStream, server: TcpStream) {
        let (mut from, mut to) = match self.cuts.sender {
            Sender::Client => (client, server),
            Sender::Server => (server, client),
        };
        if let (Ok(mut back_from), Ok(mut back_to)) = (to.try_clone(), from.try_clone()) {
            thread::spawn(move || {
                drop(std::io::copy(&mut back_from, &mut back_to));
                drop(back_to.shutdown(Shutdown::Both));
            });
        }
        let mut bytes_left = self.bytes_until_cut();
        let mut chunk = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut chunk) {
            if length >= bytes_left && self.is_to_be_made() {
                // what was sent before is not lost
                drop(to.write_all(&chunk[..bytes_left]));
                break;
            }
            bytes_left = bytes_left.checked_sub(length).unwrap_or(usize::MAX);
            if to.write_all(&chunk[..length]).is_err() {
                break;
            }
        }
        drop(from.shutdown(Shutdown::Both));
        drop(to.shutdown(Shutdown::Both));
    }

    fn bytes_until_cut(&self) -> usize {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        random.random_range(self.cuts.after_bytes.clone())
    }

    /// Counts one more cut, unless all were made.
    fn is_to_be_made(&self) -> bool {
        let one_more = |made| (made < self.cuts.num_cuts).then_some(made + 1);
        self.num_cuts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more).is_ok()
    }
}
