//! Connections: no more than the system lets us hold, and none that stands still for long.
//!
//! What hyper's own time-outs leave open is closed here: a client that says nothing at all, of which hyper does not know
//! yet which protocol it speaks, and one that takes nothing of what it is sent. What hyper closes too soon is kept: a
//! client that is still sending when its upload is refused reads why.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum_server::accept::Accept;
use futures::future::BoxFuture;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

use crate::serve::MAX_HEAD_TIME;

/// A client that takes nothing for so long is gone, or might as well be.
const MAX_STALL: Duration = Duration::from_secs(60);

/// What a client still sends when it was answered is taken for so long in all, and waited for so long; as nginx does by
/// `lingering_time` and `lingering_timeout`.
const MAX_LINGER: [Duration; 2] = [Duration::from_secs(30), Duration::from_secs(5)];

/// Files beside connections: the database, the worker's pipes, artifacts that are written.
const NUM_OTHER_FILES: u64 = 256;

/// A connection that sends an upload has its lock and its file open too.
const FILES_PER_CONNECTION: u64 = 3;

/// That there is no room is told so often.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// Lets the process open as many files as the system allows, and says how many connections fit; fewer than asked for with
/// a warning.
#[must_use]
pub fn room_for(max_connections: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let max_files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let num_fitting = max_files.map_or(usize::MAX, num_fitting);
    if num_fitting < max_connections {
        let num_needed = FILES_PER_CONNECTION.saturating_mul(max_connections as u64).saturating_add(NUM_OTHER_FILES);
        tracing::warn!(
            max_connections = num_fitting,
            max_open_files = max_files,
            "too few files may be open for server.max_connections = {max_connections}: expected {num_needed}, raise the \
             limit (ulimit -n, LimitNOFILE)"
        );
    }
    num_fitting.min(max_connections)
}

fn num_fitting(max_files: u64) -> usize {
    let num_fitting = max_files.saturating_sub(NUM_OTHER_FILES) / FILES_PER_CONNECTION;
    usize::try_from(num_fitting).unwrap_or(usize::MAX).max(1)
}

/// Takes connections while there is room; others are closed at once.
#[derive(Debug, Clone)]
pub struct Guard<A> {
    inner: A,
    room: Arc<Semaphore>,
    told_full: Arc<Mutex<Option<Instant>>>,
}

impl<A> Guard<A> {
    /// In front of what accepts them otherwise.
    #[must_use]
    pub fn new(inner: A, max_connections: usize) -> Self {
        let room = Arc::new(Semaphore::new(max_connections.min(Semaphore::MAX_PERMITS)));
        Self { inner, room, told_full: Arc::default() }
    }

    fn tell_full(&self) {
        let mut told = self.told_full.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|told| told.elapsed() > TELL_EVERY) {
            *told = Some(Instant::now());
            tracing::warn!("as many connections as server.max_connections: further ones are closed");
        }
    }
}

impl<A, I, S> Accept<I, S> for Guard<A>
where
    A: Accept<I, S>,
    A::Future: Send + 'static,
    A::Stream: Send + 'static,
    A::Service: Send + 'static,
{
    type Stream = Guarded<A::Stream>;
    type Service = A::Service;
    type Future = BoxFuture<'static, io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() else {
            self.tell_full();
            return Box::pin(std::future::ready(Err(io::Error::other("too many connections"))));
        };
        let accepting = self.inner.accept(stream, service);
        Box::pin(async move {
            let (stream, service) = accepting.await?;
            Ok((Guarded::new(stream, permit, Times::default()), service))
        })
    }
}

/// How long a connection may stand still.
#[derive(Debug, Clone, Copy)]
struct Times {
    max_silence: Duration,
    max_stall: Duration,
    max_linger: [Duration; 2],
}

impl Default for Times {
    fn default() -> Self {
        Self { max_silence: MAX_HEAD_TIME, max_stall: MAX_STALL, max_linger: MAX_LINGER }
    }
}

/// A connection that is closed when it stands still.
#[derive(Debug)]
pub struct Guarded<I> {
    stream: I,
    /// Until its first byte came.
    is_silent: Option<Pin<Box<Sleep>>>,
    /// While it takes nothing of what it is sent.
    is_stalled: Option<Pin<Box<Sleep>>>,
    /// While it sends what nobody reads any more: until when in all, and until when something must come.
    is_lingering: Option<[Pin<Box<Sleep>>; 2]>,
    times: Times,
    _permit: OwnedSemaphorePermit,
}

impl<I> Guarded<I> {
    fn new(stream: I, permit: OwnedSemaphorePermit, times: Times) -> Self {
        let is_silent = Some(Box::pin(tokio::time::sleep(times.max_silence)));
        Self { stream, is_silent, is_stalled: None, is_lingering: None, times, _permit: permit }
    }

    fn unless_stalled<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.is_stalled = None;
            return written;
        }
        let max_stall = self.times.max_stall;
        let stall = self.is_stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(max_stall)));
        ready!(stall.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing")))
    }
}

impl<I: AsyncRead + Unpin> Guarded<I> {
    /// Takes what is still sent until the client closes, or until it took too long. A connection that is closed while
    /// bytes are on their way is reset, and an answer that the client has not read yet is lost with it (RFC 9112, 9.6).
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let max_linger = self.times.max_linger;
        let sleeps = self.is_lingering.get_or_insert_with(|| max_linger.map(|time| Box::pin(tokio::time::sleep(time))));
        let mut unread = [0; 16 << 10];
        loop {
            let mut unread = ReadBuf::new(&mut unread);
            match Pin::new(&mut self.stream).poll_read(context, &mut unread) {
                Poll::Ready(Ok(())) if !unread.filled().is_empty() => {
                    sleeps[1].as_mut().reset(tokio::time::Instant::now() + max_linger[1]);
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        match sleeps.iter_mut().any(|sleep| sleep.as_mut().poll(context).is_ready()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Guarded<I> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buf);
        if read.is_ready() {
            self.is_silent = None;
        }
        let Some(silence) = &mut self.is_silent else { return read };
        ready!(silence.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client says nothing")))
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guarded<I> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.unless_stalled(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.unless_stalled(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.unless_stalled(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_lingering.is_none() {
            let shut = Pin::new(&mut self.stream).poll_shutdown(context);
            ready!(self.unless_stalled(shut, context))?;
        }
        self.poll_linger(context).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    const SOON: Duration = Duration::from_millis(20);
    const NEVER: Duration = Duration::from_secs(3600);

    fn guarded<I>(stream: I, max_silence: Duration, max_stall: Duration) -> Guarded<I> {
        let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        Guarded::new(stream, permit, Times { max_silence, max_stall, max_linger: [NEVER, SOON] })
    }

    #[tokio::test]
    async fn who_says_nothing_or_takes_nothing_is_left() {
        let (mut client, server) = duplex(8);
        let mut server = guarded(server, SOON, SOON);
        let silent = server.read_u8().await.unwrap_err();
        assert_eq!(silent.kind(), io::ErrorKind::TimedOut);
        let stalled = server.write_all(&[0; 9]).await.unwrap_err();
        assert_eq!(stalled.kind(), io::ErrorKind::TimedOut);
        assert_eq!(client.read_u8().await.unwrap(), 0);
    }

    #[tokio::test]
    async fn who_pauses_after_he_spoke_and_reads_slowly_is_served() {
        let (mut client, server) = duplex(8);
        client.write_u8(1).await.unwrap();
        let mut server = guarded(server, SOON, NEVER);
        assert_eq!(server.read_u8().await.unwrap(), 1);
        let slow_reader = tokio::spawn(async move {
            for _ in 0..20 {
                tokio::time::sleep(SOON / 4).await;
                client.read_u8().await.unwrap();
            }
            tokio::time::sleep(SOON * 3).await;
            client.write_u8(2).await.unwrap();
        });
        server.write_all(&[0; 20]).await.unwrap();
        assert!(server.is_stalled.is_none());
        assert_eq!(server.read_u8().await.unwrap(), 2);
        slow_reader.await.unwrap();
    }

    #[tokio::test]
    async fn what_is_still_sent_after_the_answer_is_taken() {
        let (mut client, server) = duplex(8);
        let mut server = guarded(server, NEVER, NEVER);
        let closing = tokio::spawn(async move { server.shutdown().await });
        client.write_all(&[0; 100]).await.unwrap();
        assert!(!closing.is_finished());
        drop(client);
        closing.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn who_neither_sends_nor_closes_is_not_waited_for() {
        let (client, server) = duplex(8);
        let mut server = guarded(server, NEVER, NEVER);
        tokio::time::timeout(NEVER / 60, server.shutdown()).await.unwrap().unwrap();
        drop(client);
    }

    #[test]
    fn files_of_the_system_bound_connections() {
        assert_eq!([0, 256, 1024, 20_000].map(num_fitting), [1, 1, 256, 6581]);
        assert_eq!(room_for(1), 1);
        let raised = getrlimit(Resource::Nofile);
        assert_eq!(raised.current, raised.maximum);
    }
}
