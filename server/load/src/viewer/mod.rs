//! One viewer, from its first request until it leaves.

mod feed;
mod fetch;
mod place;
mod shelf;
mod track;

use std::{
    collections::HashSet,
    net::IpAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::watch, time::Instant};
use url::Url;

use crate::{
    Behaviour,
    estimate::Estimate,
    net::{Client, Dialer, Link},
    playback::Playback,
    playlist::{self, Multivariant, Rung},
    tally::Tally,
};
use track::{End, From};

/// Live viewers are asked this often how far behind they are.
const GLANCE: Duration = Duration::from_secs(1);
/// How long a player waits before it asks again for what it did not get, at first and at most; and how often it asks.
const AGAIN: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(8)];
const TRIES: u32 = 6;

/// What a viewer brings along.
pub(crate) struct Setting {
    pub(crate) behaviour: Behaviour,
    pub(crate) url: Url,
    pub(crate) dialer: Arc<Dialer>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) source: Option<IpAddr>,
    /// Bits per second, or none for unlimited.
    pub(crate) link: Option<f64>,
    pub(crate) turn: bool,
    pub(crate) session: String,
}

/// A viewer that is watching.
pub(crate) struct Viewer {
    behaviour: Behaviour,
    url: Url,
    turn: bool,
    session: String,
    client: Client,
    began: Instant,
    playback: Mutex<Playback>,
    estimate: Mutex<Estimate>,
    ladder: OnceLock<Ladder>,
    angle: AtomicUsize,
    rung: AtomicUsize,
    live: OnceLock<bool>,
    inits: Mutex<HashSet<String>>,
    zero: watch::Sender<Option<Zero>>,
}

/// What the multivariant playlist offers, and where it was found.
struct Ladder {
    base: Url,
    choice: Multivariant,
}

/// Where the picture begins; the sound follows.
#[derive(Clone, Copy, Debug)]
struct Zero {
    /// PROGRAM-DATE-TIME of position 0, in microseconds, when there is one; kept up with what later segments say.
    date: Option<i64>,
    /// The playhead at the start.
    playhead: f64,
}

/// A viewer comes, does what it came for, and leaves by `end`.
pub(crate) async fn attend(setting: Setting, end: Instant) {
    let tally = setting.tally.clone();
    tally.arrived.fetch_add(1, Relaxed);
    let viewer = Viewer::new(setting);
    let stayed = async {
        match viewer.behaviour {
            Behaviour::Feed => viewer.listen().await,
            _ => viewer.watch().await,
        }
    };
    // At the end of the run whatever is under way is dropped; the viewer has seen what it has seen.
    let _ = tokio::time::timeout_at(end, stayed).await;
    let now = Instant::now();
    let seen = viewer.playback.into_inner().leave(now);
    tally.left(&seen, now.duration_since(viewer.began));
}

impl Viewer {
    fn new(setting: Setting) -> Self {
        let began = Instant::now();
        let connections = setting.behaviour.connections();
        let link = Link::new(setting.link);
        Viewer {
            behaviour: setting.behaviour,
            url: setting.url,
            turn: setting.turn,
            session: setting.session,
            client: Client::new(setting.dialer, setting.source, link, setting.tally, connections),
            began,
            playback: Mutex::new(Playback::new(began)),
            estimate: Mutex::new(Estimate::default()),
            ladder: OnceLock::new(),
            angle: AtomicUsize::new(0),
            rung: AtomicUsize::new(0),
            live: OnceLock::new(),
            inits: Mutex::new(HashSet::new()),
            zero: watch::Sender::new(None),
        }
    }

    fn tally(&self) -> &Tally {
        &self.client.tally
    }

    /// Plays until the content ends, or for ever.
    async fn watch(&self) {
        let Some(ladder) = self.open().await else {
            self.tally().gave_up.fetch_add(1, Relaxed);
            return;
        };
        let ladder = self.ladder.get_or_init(|| ladder);
        self.rung.store(self.choose(None), Relaxed);
        let sound = self.rung().and_then(|rung| rung.audio.as_deref()).and_then(|uri| ladder.base.join(uri).ok());
        self.playback.lock().tracks(sound.is_some());
        let sound = async {
            match sound {
                Some(url) => self.track(1, Some(url), From::Start).await,
                None => End::Finished,
            }
        };
        let playing = async {
            if let (End::Finished, End::Finished) = tokio::join!(self.picture(), sound) {
                self.play_out().await;
            } else {
                self.tally().gave_up.fetch_add(1, Relaxed);
            }
        };
        tokio::select! {
            () = playing => {}
            () = self.glance() => {}
        }
    }

    /// Asks for the playlist until it comes or the server says no.
    async fn open(&self) -> Option<Ladder> {
        let (text, moved) = self.insist(&self.url).await?;
        let base = moved.unwrap_or_else(|| self.url.clone());
        let choice = match playlist::is_multivariant(&text) {
            true => Multivariant::read(&text),
            false => Ok(Multivariant::single(base.as_str())),
        };
        match choice {
            Ok(choice) => Some(Ladder { base, choice }),
            Err(_) => {
                self.tally().fault(crate::fault::Fault::Unreadable);
                None
            }
        }
    }

    /// The picture's track, with a change of the angle half-way when asked for.
    async fn picture(&self) -> End {
        let angles = self.ladder.get().map_or(0, |l| l.choice.angles.len());
        if !(self.turn && self.behaviour == Behaviour::Replay && angles > 1) {
            return self.track(0, None, From::Start).await;
        }
        let first_angle = async {
            match self.track(0, None, From::Start).await {
                End::Finished => std::future::pending().await,
                end => end,
            }
        };
        tokio::select! {
            end = first_angle => return end,
            () = self.half_way() => {}
        }
        self.angle.store(1, Relaxed);
        self.rung.store(self.choose(None), Relaxed);
        let position = {
            let now = Instant::now();
            let mut playback = self.playback.lock();
            playback.turn(now);
            playback.position(now)
        };
        self.track(0, None, From::Position(position)).await
    }

    async fn half_way(&self) {
        loop {
            let left = {
                let mut playback = self.playback.lock();
                let position = playback.position(Instant::now());
                playback.length().map(|length| length / 2.0 - position)
            };
            match left {
                Some(left) if left <= 0.0 => return,
                Some(left) => tokio::time::sleep(Duration::from_secs_f64(left.clamp(0.02, 5.0))).await,
                None => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }

    /// All has been fetched: the rest is watched.
    async fn play_out(&self) {
        loop {
            let left = {
                let (now, mut playback) = (Instant::now(), self.playback.lock());
                if playback.ended(now) {
                    return;
                }
                playback.ahead(0, now)
            };
            tokio::time::sleep(Duration::from_secs_f64(left.clamp(0.02, 1.0))).await;
        }
    }

    /// Notes how far behind live the playhead is, for ever.
    async fn glance(&self) {
        loop {
            tokio::time::sleep(GLANCE).await;
            let Some(date) = self.zero.borrow().and_then(|zero| zero.date) else { continue };
            // A replay that still grows is watched from its beginning: its lag says nothing.
            if self.live.get() != Some(&true) || self.behaviour == Behaviour::Replay {
                continue;
            }
            let (now, mut playback) = (Instant::now(), self.playback.lock());
            if playback.playing(now) {
                let shown = micros(playback.position(now)).saturating_add(date);
                let behind = jiff::Timestamp::now().as_microsecond().saturating_sub(shown);
                self.tally().latency(Duration::from_micros(u64::try_from(behind).unwrap_or(0)));
            }
        }
    }

    /// The rung that the estimate allows.
    fn choose(&self, now: Option<usize>) -> usize {
        let ladder = self.rungs().iter().map(|rung| rung.bandwidth);
        self.estimate.lock().rung(ladder, now)
    }

    fn rungs(&self) -> &[Rung] {
        let angle = self.ladder.get().and_then(|l| l.choice.angles.get(self.angle.load(Relaxed)));
        angle.map_or(&[], |angle| &angle.rungs)
    }

    fn rung(&self) -> Option<&Rung> {
        self.rungs().get(self.rung.load(Relaxed))
    }

    /// The playlist of the picture's rung.
    fn rung_url(&self) -> Option<Url> {
        self.ladder.get()?.base.join(&self.rung()?.video).ok()
    }
}

/// Seconds as microseconds.
fn micros(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}

/// The wait before try number `tries` after the first.
fn backoff(tries: u32) -> Duration {
    let [least, most] = AGAIN;
    (least * 2u32.saturating_pow(tries.saturating_sub(1).min(8))).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_viewer_is_small() {
        let plan = crate::Plan::new(Behaviour::Ll, 1, "http://127.0.0.1/".parse().expect("an address"));
        let setting = Setting {
            behaviour: Behaviour::Ll,
            url: plan.crowds[0].url.clone(),
            dialer: Arc::new(Dialer::new(&plan).expect("settings")),
            tally: Arc::default(),
            source: None,
            link: None,
            turn: false,
            session: String::new(),
        };
        let size = size_of_val(&attend(setting, Instant::now()));
        assert!(size < 16 * 1024, "thousands of viewers fit in memory: {size} bytes each");
    }
}
