//! `/api/v1/events`: one connection a page, the same bytes to all.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::{app::App, events::Event};

const RESET: &[u8] = b"event: reset\ndata:\n\n";
const ALIVE: &[u8] = b":\n\n";

pub(super) async fn events(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let crew = app.crew.sent(&headers);
    let last = headers.get("last-event-id").and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
    // Read before: what happens meanwhile has a higher one.
    let newest = app.events.next().saturating_sub(1);
    let (missed, receiver) = app.events.resume(last);
    // A first word at once: proxies and browsers call the connection open when a byte has come. Its last one is the number
    // to resume after: a page that has heard of nothing yet learns what it missed, too.
    let mut first = b"retry: 1000\n\n".to_vec();
    match missed {
        None => first.extend_from_slice(RESET),
        Some(missed) => {
            missed.iter().filter_map(|e| for_whom(e, crew)).for_each(|bytes| first.extend_from_slice(&bytes))
        }
    }
    first.extend_from_slice(format!("id: {newest}\n\n").as_bytes());
    let body = Body::from_stream(stream::unfold((Some(Bytes::from(first)), receiver), move |(first, receiver)| {
        next(first, receiver, crew)
    }));
    let mut response = body.into_response();
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    out.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

type Following = (Option<Bytes>, Receiver<Arc<Event>>);

async fn next(
    first: Option<Bytes>,
    mut receiver: Receiver<Arc<Event>>,
    crew: bool,
) -> Option<(Result<Bytes, std::convert::Infallible>, Following)> {
    if let Some(first) = first {
        return Some((Ok(first), (None, receiver)));
    }
    loop {
        let bytes = match tokio::time::timeout(Duration::from_secs(15), receiver.recv()).await {
            Err(_) => Bytes::from_static(ALIVE),
            Ok(Ok(event)) => match for_whom(&event, crew) {
                Some(bytes) => bytes,
                None => continue,
            },
            // A page too slow to follow loads its lists anew.
            Ok(Err(RecvError::Lagged(_))) => Bytes::from_static(RESET),
            Ok(Err(RecvError::Closed)) => return None,
        };
        return Some((Ok(bytes), (None, receiver)));
    }
}

fn for_whom(event: &Event, crew: bool) -> Option<Bytes> {
    if crew { event.crew.clone() } else { event.fans.clone() }
}
