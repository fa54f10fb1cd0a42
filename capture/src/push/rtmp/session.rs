//! One publisher over RTMP, from its connection to its end.

use std::{borrow::Cow, sync::Arc, time::Duration};

use tokio::net::TcpStream;

use super::{
    Arrival, Camera, Refusal,
    amf::Value,
    chunk::Message,
    link::{End, Link, command},
    tag::{self, Content},
};
use crate::{
    ingest::{Closed, Inlet, Times},
    source::LimitError,
};

/// From the connection to the wish to publish, in all: silent and dripping peers do not stay.
const ARRIVING: Duration = Duration::from_secs(8);
/// How often a pipeline that is behind is looked at.
const BEHIND: Duration = Duration::from_millis(20);

pub(super) async fn serve(stream: TcpStream, arrival: Arrival) {
    let (shared, peer) = (Arc::clone(&arrival.shared), arrival.peer);
    let _ = stream.set_nodelay(true);
    let mut link = Link::new(stream);
    let arrive = async {
        link.handshake().await?;
        link.request().await
    };
    let request = match tokio::time::timeout(ARRIVING, arrive).await {
        Ok(Ok(request)) => request,
        Ok(Err(end)) => return shared.refusals.say(shared.at, Some(peer), end),
        Err(_) => return shared.refusals.say(shared.at, Some(peer), "it has not asked to publish within 8 s"),
    };
    let admitted = match shared.admit(peer.ip(), &request.app, &request.name) {
        Ok(camera) => take(camera).await,
        Err(refusal) => Err(refusal),
    };
    let (camera, inlet) = match admitted {
        Ok(admitted) => admitted,
        Err(refusal) => {
            match refusal {
                Refusal::Unknown => {
                    let why = format!("{refusal}; there are: {}", shared.paths());
                    shared.refusals.say(shared.at, Some(peer), why);
                }
                _ => shared.refusals.say(shared.at, Some(peer), &refusal),
            }
            let _ = tokio::time::timeout(ARRIVING, link.refuse(&refusal.to_string())).await;
            return;
        }
    };
    drop(arrival);
    let _guard = inlet.guard();
    inlet.connected();
    tracing::info!(camera = %camera.id, %peer, "publishing over RTMP");
    let why = match publish(&mut link, &inlet, || camera.limits.check(peer.ip().to_canonical())).await {
        Ok(why) => why.into_owned(),
        Err(end) => format!("the publisher is gone: {end}"),
    };
    inlet.end(&why);
}

async fn take(camera: Camera) -> Result<(Camera, Arc<Inlet>), Refusal> {
    match camera.seat.take().await {
        Ok(inlet) => Ok((camera, inlet)),
        Err(why) => Err(Refusal::Taken { camera: camera.id, why }),
    }
}

/// Hands frames over until somebody ends it. Why, for the camera's message.
async fn publish(
    link: &mut Link,
    inlet: &Inlet,
    allowed: impl Fn() -> Result<(), LimitError>,
) -> Result<Cow<'static, str>, End> {
    const CLOSED: Cow<'static, str> = Cow::Borrowed("the camera takes nothing more");
    let mut clock = Clock::default();
    link.accept().await?;
    let closed = inlet.closed();
    tokio::pin!(closed);
    loop {
        let message = tokio::select! {
            () = &mut closed => return Ok(CLOSED),
            message = link.message() => message?,
        };
        let Some(message) = message else { return Ok("the publisher has closed the connection".into()) };
        // Limits may have been replaced since it came.
        if let Err(outside) = allowed() {
            return Ok(outside.to_string().into());
        }
        let content = match message.kind {
            8 => tag::sound(&message.body),
            9 => tag::picture(&message.body),
            17 | 20 if ends(&message) => return Ok("the publisher has ended the stream".into()),
            _ => continue,
        };
        match hand_over(inlet, content, clock.at(message.time)) {
            Ok(()) => {}
            Err(Refused::Closed) => return Ok(CLOSED),
            Err(Refused::Unknown(what)) => {
                inlet.end(&format!("the publisher sends {what}"));
                return Ok(CLOSED);
            }
        }
        while inlet.full() {
            tokio::select! {
                () = &mut closed => return Ok(CLOSED),
                () = tokio::time::sleep(BEHIND) => {}
            }
        }
    }
}

fn ends(message: &Message) -> bool {
    let values = command(message);
    let name = values.first().and_then(Value::text);
    name.is_some_and(|name| ["deleteStream", "closeStream", "FCUnpublish"].contains(&name))
}

enum Refused {
    Closed,
    Unknown(&'static str),
}

impl From<Closed> for Refused {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

fn hand_over(inlet: &Inlet, content: Content, time_ms: i64) -> Result<(), Refused> {
    match content {
        Content::Format(coding, header) => Ok(inlet.format(coding, &header)?),
        Content::Frame { coding, offset_ms, key, data } => {
            let ns = |ms: i64| u64::try_from(ms).unwrap_or(0).saturating_mul(1_000_000);
            let times = Times { dts: ns(time_ms), pts: ns(time_ms.saturating_add(offset_ms.into())) };
            Ok(inlet.push(coding, times, key, data)?)
        }
        Content::Nothing => Ok(()),
        Content::Unknown(what) => Err(Refused::Unknown(what)),
    }
}

/// RTMP's milliseconds without their wrap after 49 days.
struct Clock {
    last: Option<u32>,
    total: i64,
}

impl Default for Clock {
    fn default() -> Self {
        // Far from zero: times may go back.
        Self { last: None, total: 1 << 32 }
    }
}

impl Clock {
    fn at(&mut self, time: u32) -> i64 {
        let step = self.last.map_or(0, |last| time.wrapping_sub(last).cast_signed());
        self.last = Some(time);
        self.total = self.total.saturating_add(step.into());
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_over_the_wrap() {
        let mut clock = Clock::default();
        let start = clock.at(u32::MAX - 9);
        assert_eq!([clock.at(30) - start, clock.at(u32::MAX) - start, clock.at(90) - start], [40, 9, 100]);
    }
}
