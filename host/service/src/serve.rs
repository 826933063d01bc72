//! The server: from its config to a listening socket, until it is told to stop.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::TokioTimer;
use tokio::net::TcpSocket;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::task::TaskTracker;

use crate::background;
use crate::config::{ServerSection, ServiceConfig};
use crate::connections::{Guard, room_for};
use crate::error::{Result, ServiceError};
use crate::http::{App, WebPage, router};

/// A request's head must be here within this time.
pub(crate) const MAX_HEAD_TIME: Duration = Duration::from_secs(10);

/// Clients that may knock at the same moment (the system allows `net.core.somaxconn`); others knock again a second later.
const MAX_UNACCEPTED: u32 = 4096;

/// A request's head may be this large.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// Serves the API and the page until SIGTERM or Ctrl-C; then finishes what it has begun, within `server.shutdown_secs`.
///
/// # Errors
/// What is missing or in the way at the start.
pub fn serve(config: ServiceConfig, page: WebPage) -> Result<()> {
    let addresses = check_bind(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| ServiceError::Config(format!("no threads to serve with: {error}")))?;
    let served = runtime.block_on(run(config, page, &addresses));
    // a thread that still blocks must not hold up the exit
    runtime.shutdown_background();
    served
}

async fn run(config: ServiceConfig, page: WebPage, addresses: &[SocketAddr]) -> Result<()> {
    let tls = tls(&config.server).await?;
    let app = App::open(config).await?;
    // told now and not when a job waits
    background::executor(&app.config, &app.metrics)?;
    let listener = listen(addresses)?;
    let handle = Handle::new();
    let tasks = TaskTracker::new();
    background::start(&app, &tasks);
    tasks.spawn(stop_on_signal(Arc::clone(&app), handle.clone()));
    announce(&listener, tls.is_some());
    let served = accept(&app, page, listener, (tls, handle)).await;
    app.shutdown.cancel();
    finish(&app, &tasks).await;
    served
}

/// On the first signal no connection is taken any more, and streams end; on a second one nothing is waited for.
async fn stop_on_signal(app: Arc<App>, handle: Handle<SocketAddr>) {
    if app.shutdown.run_until_cancelled(stop_signal()).await.is_none() {
        return;
    }
    tracing::info!("asked to stop: finishing what has begun");
    let deadline = Duration::from_secs(app.config.server.shutdown_secs);
    app.shutdown.cancel();
    handle.graceful_shutdown(Some(deadline));
    tokio::select! {
        () = stop_signal() => handle.shutdown(),
        () = tokio::time::sleep(deadline) => {}
        () = no_connections(&handle) => {}
    }
}

async fn stop_signal() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

async fn no_connections(handle: &Handle<SocketAddr>) {
    while handle.connection_count() > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn accept(
    app: &Arc<App>,
    page: WebPage,
    listener: TcpListener,
    (tls, handle): (Option<RustlsConfig>, Handle<SocketAddr>),
) -> Result<()> {
    let failed = ServiceError::io("listen for", "connections");
    let service = router(app, page).into_make_service_with_connect_info::<SocketAddr>();
    let mut server = axum_server::from_tcp(listener).map_err(ServiceError::io("listen for", "connections"))?;
    server
        .http_builder()
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(MAX_HEAD_TIME)
        .max_buf_size(MAX_HEAD_BYTES);
    server
        .http_builder()
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(MAX_HEAD_TIME))
        .max_send_buf_size(MAX_HEAD_BYTES)
        .max_header_list_size(MAX_HEAD_BYTES as u32);
    let server = server.handle(handle);
    let max_connections = room_for(app.config.server.max_connections);
    let served = match tls {
        Some(tls) => {
            let acceptor = RustlsAcceptor::new(tls).acceptor(NoDelayAcceptor::new());
            server.acceptor(Guard::new(acceptor, max_connections)).serve(service).await
        }
        None => server.acceptor(Guard::new(NoDelayAcceptor::new(), max_connections)).serve(service).await,
    };
    served.map_err(failed)
}

/// Background tasks get as long again as requests; then the process ends under them, which they must survive anyway.
async fn finish(app: &App, tasks: &TaskTracker) {
    tasks.close();
    let deadline = Duration::from_secs(app.config.server.shutdown_secs);
    if tokio::time::timeout(deadline, tasks.wait()).await.is_err() {
        tracing::warn!(num_tasks = tasks.len(), "not everything was finished in time");
    }
    let tracking = app.tracking.clone();
    // the server of the records gets its grace time meanwhile
    let closed = tokio::task::spawn_blocking(move || tracking.close());
    app.store.close().await;
    closed.await.ok();
}

fn listen(addresses: &[SocketAddr]) -> Result<TcpListener> {
    let names = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut refused = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match bound(*address) {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = error,
        }
    }
    Err(ServiceError::Config(format!("can't listen on {names}: {refused}; choose another by --bind")))
}

fn bound(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // the port of a server that ended is free at once
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(MAX_UNACCEPTED)?.into_std()
}

/// The one line on stdout: whoever started it reads the address there, also of port 0.
fn announce(listener: &TcpListener, has_tls: bool) {
    let scheme = if has_tls { "https" } else { "http" };
    if let Ok(address) = listener.local_addr() {
        println!("listening on {scheme}://{address}");
        tracing::info!(%address, "listening");
    }
}

async fn tls(server: &ServerSection) -> Result<Option<RustlsConfig>> {
    // whichever library asks first, all use the same cryptography; an error says that one is installed already
    rustls::crypto::ring::default_provider().install_default().ok();
    match (&server.tls_cert, &server.tls_key) {
        (None, None) => Ok(None),
        (Some(cert), Some(key)) => read_tls(cert, key).await.map(Some),
        _ => Err(ServiceError::Config("TLS needs both server.tls_cert and server.tls_key; only one is set".to_owned())),
    }
}

async fn read_tls(cert: &Path, key: &Path) -> Result<RustlsConfig> {
    let failed = |error| {
        let (cert, key) = (cert.display(), key.display());
        ServiceError::Config(format!("{cert} and {key} are no certificate and key as PEM: {error}"))
    };
    RustlsConfig::from_pem_file(cert, key).await.map_err(failed)
}

/// Tokens and passwords in the clear stay on this machine, unless somebody said that a proxy ends TLS; and a secret that
/// was made on the spot is nobody's to rotate.
fn check_bind(config: &ServiceConfig) -> Result<Vec<SocketAddr>> {
    let ServerSection { bind, tls_cert, allow_plain_http, .. } = &config.server;
    let addresses = bind.to_socket_addrs().map_err(|error| {
        ServiceError::Config(format!("`{bind}` is no address: {error}; expected e.g. 127.0.0.1:8000"))
    })?;
    let addresses: Vec<SocketAddr> = addresses.collect();
    if addresses.iter().all(|address| address.ip().is_loopback()) {
        return Ok(addresses);
    }
    let mut missing = Vec::new();
    if config.auth.secrets_file.is_none() {
        missing.push("auth.secrets_file, with the keys that sign tokens");
    }
    if tls_cert.is_none() && !allow_plain_http {
        missing.push("server.tls_cert and server.tls_key (or server.allow_plain_http, behind a proxy that ends TLS)");
    }
    if missing.is_empty() {
        return Ok(addresses);
    }
    Err(ServiceError::Config(format!("to listen on {bind}, which others can reach, set {}", missing.join("; and "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(bind: &str) -> ServiceConfig {
        let mut config = ServiceConfig::default();
        config.server.bind = bind.to_owned();
        config
    }

    #[test]
    fn others_reach_it_only_with_a_secret_and_tls_or_a_proxy() {
        assert!(check_bind(&config("127.0.0.1:0")).is_ok());
        assert!(check_bind(&config("[::1]:0")).is_ok());
        let mut open = config("0.0.0.0:0");
        let refusal = check_bind(&open).unwrap_err().to_string();
        assert!(refusal.contains("auth.secrets_file") && refusal.contains("server.tls_cert"), "{refusal}");
        open.auth.secrets_file = Some("secrets".into());
        assert!(check_bind(&open).is_err());
        open.server.allow_plain_http = true;
        assert!(check_bind(&open).is_ok());
        (open.server.allow_plain_http, open.server.tls_cert) = (false, Some("cert.pem".into()));
        assert!(check_bind(&open).is_ok());
        open.auth.secrets_file = None;
        assert!(check_bind(&open).is_err());
    }

    #[test]
    fn what_is_no_address_is_refused() {
        assert!(check_bind(&config("8000")).unwrap_err().to_string().contains("127.0.0.1:8000"));
    }
}
