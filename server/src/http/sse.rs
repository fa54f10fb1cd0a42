//! `/api/v1/events`: one connection a page, the same bytes to all.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::{app::App, events::Event};

const RESET: &[u8] = b"event: reset\ndata:\n\n";
const ALIVE: &[u8] = b":\n\n";

pub(super) async fn events(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let last = headers.get("last-event-id").and_then(|v| v.to_str().ok());
    let following = Following::new(&app, app.crew.sent(&headers), last);
    let body = Body::from_stream(stream::unfold(following, |mut following| async {
        let bytes = following.next().await?;
        Some((Ok::<_, std::convert::Infallible>(bytes), following))
    }));
    let mut response = body.into_response();
    for (name, value) in FIELDS {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

/// What an answer of events says.
pub const FIELDS: [(&str, &str); 3] =
    [("content-type", "text/event-stream"), ("cache-control", "no-store"), ("x-accel-buffering", "no")];

/// A page that hears of what happens.
pub struct Following {
    first: Option<Bytes>,
    receiver: Receiver<Arc<Event>>,
    crew: bool,
}

impl Following {
    /// What came after the event of this number, and all that comes from now on.
    pub fn new(app: &App, crew: bool, last: Option<&str>) -> Self {
        // Read before: what happens meanwhile has a higher one.
        let newest = app.events.next().saturating_sub(1);
        let (missed, receiver) = app.events.resume(last.and_then(|v| v.parse().ok()));
        // A first word at once: proxies and browsers call the connection open when a byte has come. Its last one is the
        // number to resume after: a page that has heard of nothing yet learns what it missed, too.
        let mut first = b"retry: 1000\n\n".to_vec();
        match missed {
            None => first.extend_from_slice(RESET),
            Some(missed) => {
                missed.iter().filter_map(|e| for_whom(e, crew)).for_each(|bytes| first.extend_from_slice(&bytes))
            }
        }
        first.extend_from_slice(format!("id: {newest}\n\n").as_bytes());
        Self { first: Some(first.into()), receiver, crew }
    }

    /// The next bytes for the page; `None` when the server stops. What is not received stays for the next call.
    pub async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        loop {
            match tokio::time::timeout(Duration::from_secs(15), self.receiver.recv()).await {
                Err(_) => return Some(Bytes::from_static(ALIVE)),
                Ok(Ok(event)) => {
                    if let Some(bytes) = for_whom(&event, self.crew) {
                        return Some(bytes);
                    }
                }
                // A page too slow to follow loads its lists anew.
                Ok(Err(RecvError::Lagged(_))) => return Some(Bytes::from_static(RESET)),
                Ok(Err(RecvError::Closed)) => return None,
            }
        }
    }
}

fn for_whom(event: &Event, crew: bool) -> Option<Bytes> {
    if crew { event.crew.clone() } else { event.fans.clone() }
}
