//! The accept loops: cleartext and TLS, HTTP/1.1 and HTTP/2, with limits that a crowd of bad clients cannot exhaust.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderValue, header},
};
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::{http::OVER_TLS, prompt::Prompt};

/// How long a client may take for its request's head, or for a TLS handshake: silent and drip-feeding ones are closed.
const HEAD: Duration = Duration::from_secs(10);
/// Connections at once, at most.
const CONNECTIONS: u64 = 60_000;
/// Open files that are left for media, the catalog and cameras.
const SPARE_FILES: u64 = 1000;
/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 128;

/// Serves on a listener until the process ends.
pub async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, router: Router, places: Arc<Semaphore>) {
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors: wait for some to be closed. Anything else concerns one client.
                tracing::warn!(%error, "accept");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (tls, router) = (tls.clone(), router.clone());
        tokio::spawn(async move {
            let _place = place;
            // Parts are small and wanted at once.
            let _ = stream.set_nodelay(true);
            match tls {
                None => connection(stream, router, false).await,
                Some(tls) => handshake(tls, stream, router).await,
            }
        });
    }
}

/// Places for all listeners together: as many as the process may open files, some left for media. The system's usual soft
/// limit of 1,024 files is raised to the hard one.
pub fn places() -> Arc<Semaphore> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: before.maximum, maximum: before.maximum };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => before.maximum,
        Err(_) => before.current,
    };
    let files = files.unwrap_or(u64::MAX);
    let connections = files.saturating_sub(SPARE_FILES).clamp(64, CONNECTIONS);
    tracing::info!(connections, "connections at once");
    Arc::new(Semaphore::new(usize::try_from(connections).unwrap_or(64)))
}

async fn handshake(tls: TlsAcceptor, stream: TcpStream, router: Router) {
    if let Ok(Ok(stream)) = tokio::time::timeout(HEAD, tls.accept(stream)).await {
        connection(stream, router, true).await;
    }
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, router: Router, over_tls: bool) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(64 * 1024);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(32 * 1024)
        .max_pending_accept_reset_streams(Some(20))
        .keep_alive_interval(HEAD / 2)
        .keep_alive_timeout(HEAD / 2);
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let mut request: Request = request.map(Body::new);
        // HTTP/2 says the host in `:authority` (RFC 9113, 8.3.1); what is written for one version holds for both.
        let authority = request.uri().authority().map(|a| HeaderValue::from_str(a.as_str()));
        if let Some(Ok(host)) = authority {
            request.headers_mut().entry(header::HOST).or_insert(host);
        }
        request.headers_mut().remove(OVER_TLS);
        if over_tls {
            request.headers_mut().insert(OVER_TLS, HeaderValue::from_static("1"));
        }
        router.clone().oneshot(request)
    });
    // A client that goes away is no error of ours.
    let _ = builder.serve_connection(TokioIo::new(Prompt::new(stream, HEAD)), service).await;
}
