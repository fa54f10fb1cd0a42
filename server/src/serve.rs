//! The accept loops: cleartext and TLS, HTTP/1.1 and HTTP/2, with limits that a crowd of bad clients cannot exhaust.
//!
//! One runtime a core, each with its own accept loop on the shared listeners: a connection stays on the core that took it.

mod head;
mod pages;
mod quick;
mod rewind;

use std::{convert::Infallible, io, net::TcpListener, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderValue, header},
    response::Response,
};
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::Semaphore,
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::{
    app::App,
    http::{self, OVER_TLS},
};

/// How long a client may take for its request's head, or for a TLS handshake: silent and drip-feeding ones are closed.
const HEAD: Duration = Duration::from_secs(10);
/// How long a client may take nothing of what it asked for.
const STALLED: Duration = Duration::from_secs(30);
/// Connections at once, at most.
const CONNECTIONS: u64 = 60_000;
/// Open files that are left for media, the catalog and cameras.
const SPARE_FILES: u64 = 1000;
/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 128;

/// What every connection needs.
struct Site {
    app: Arc<App>,
    router: Router,
    /// Places for all listeners together.
    places: Arc<Semaphore>,
}

/// Serves on these listeners, those with TLS and those without, until the process ends.
///
/// # Errors
/// When a listener cannot be shared or a thread cannot be started.
pub fn serve(app: Arc<App>, listeners: Vec<(TcpListener, Option<TlsAcceptor>)>) -> Result<()> {
    let site = Arc::new(Site { router: http::app(app.clone()), app, places: places() });
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    for core in 0..cores {
        let shared: io::Result<Vec<_>> =
            listeners.iter().map(|(listener, tls)| Ok((listener.try_clone()?, tls.clone()))).collect();
        let (shared, site) = (shared.context("cannot share a listener between the cores")?, site.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("cannot make a core's runtime")?;
        let run = move || {
            let local = runtime.enter();
            for (listener, tls) in shared {
                match tokio::net::TcpListener::from_std(listener) {
                    Ok(listener) => drop(runtime.spawn(accept(listener, tls, site.clone()))),
                    Err(error) => tracing::error!(%error, "cannot listen"),
                }
            }
            drop(local);
            runtime.block_on(std::future::pending::<()>());
        };
        std::thread::Builder::new().name(format!("serve-{core}")).spawn(run).context("cannot start a thread")?;
    }
    Ok(())
}

async fn accept(listener: tokio::net::TcpListener, tls: Option<TlsAcceptor>, site: Arc<Site>) {
    loop {
        let Ok(place) = site.places.clone().acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors: wait for some to be closed. Anything else concerns one client.
                tracing::warn!(%error, "accept");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        // Parts are small and wanted at once. A client that is gone is noticed by what it does not acknowledge.
        let _ = stream.set_nodelay(true);
        let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, u32::try_from(STALLED.as_millis()).unwrap_or(0));
        let site = site.clone();
        match &tls {
            None => drop(tokio::spawn(async move {
                let _place = place;
                quick::connection(stream, &site, false).await;
            })),
            Some(tls) => {
                let tls = tls.clone();
                drop(tokio::spawn(async move {
                    let _place = place;
                    secure(tls, stream, &site).await;
                }));
            }
        }
    }
}

/// As many places as the process may open files, some left for media. The system's usual soft limit of 1,024 files is
/// raised to the hard one.
fn places() -> Arc<Semaphore> {
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

async fn secure(tls: TlsAcceptor, stream: TcpStream, site: &Site) {
    // What a handshake needs is given back after it: a connection lives for hours.
    let handshake = Box::pin(tokio::time::timeout(HEAD, tls.accept(stream)));
    if let Ok(Ok(stream)) = handshake.await {
        quick::connection(stream, site, true).await;
    }
}

/// HTTP by the book: what is not quick.
async fn whole(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, site: &Site, over_tls: bool) {
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
    let (app, router) = (site.app.clone(), site.router.clone());
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let (app, router) = (app.clone(), router.clone());
        async move {
            match http::crowd(&app, &request).await {
                Some(response) => Ok(response),
                None => routed(router, request, over_tls).await,
            }
        }
    });
    // A client that goes away is no error of ours.
    let _ = builder.serve_connection(TokioIo::new(io), service).await;
}

/// What is not the crowd's, by the router.
fn routed(
    router: Router,
    request: hyper::Request<hyper::body::Incoming>,
    over_tls: bool,
) -> impl Future<Output = Result<Response, Infallible>> {
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
    router.oneshot(request)
}
