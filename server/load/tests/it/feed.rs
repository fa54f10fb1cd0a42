use std::{convert::Infallible, time::Duration};

use axum::{
    Router,
    response::{
        IntoResponse, Sse,
        sse::{Event, KeepAlive},
    },
    routing::get,
};
use load::Behaviour;
use tokio::sync::{broadcast, watch};

use crate::{load, origin::Origin, plan};

#[tokio::test(flavor = "multi_thread")]
async fn every_viewer_hears_every_event() {
    let (events, _) = broadcast::channel::<u32>(64);
    let joined = watch::Sender::new(0u32);
    let handler = {
        let (events, joined) = (events.clone(), joined.clone());
        move || async move {
            let receiver = events.subscribe();
            joined.send_modify(|count| *count += 1);
            let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
                let number = receiver.recv().await.ok()?;
                let event = Event::default().id(number.to_string()).event("goal").data("{}");
                Some((Ok::<_, Infallible>(event), receiver))
            });
            Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_millis(200))).into_response()
        }
    };
    let origin = Origin::serve(Router::new().route("/events", get(handler))).await;
    let sending = tokio::spawn(async move {
        joined.subscribe().wait_for(|count| *count == 20).await.expect("the server lives");
        (0..3).for_each(|number| drop(events.send(number)));
        // The streams stay open.
        std::future::pending::<()>().await;
    });
    let report = load(plan(Behaviour::Feed, 20, &origin.url("/events"), 4)).await;
    sending.abort();
    let crowd = &report.crowds[0];
    let heard = crowd.events.expect("a feed");
    assert_eq!((heard.events, heard.deliveries, heard.missed), (3, 60, 0));
    assert_eq!((crowd.started, crowd.requests.total, report.errors), (20, 20, 0), "{crowd:?}");
    assert!(heard.spread_max_ms >= heard.spread_p50_ms && heard.spread_p50_ms > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_no_event_stream() {
    let origin = Origin::serve(Router::new().route("/events", get(|| async { "hello" }))).await;
    let crowd = load(plan(Behaviour::Feed, 2, &origin.url("/events"), 30)).await.crowds.remove(0);
    assert_eq!((crowd.gave_up, crowd.errors["not an event stream"]), (2, 2));
}
