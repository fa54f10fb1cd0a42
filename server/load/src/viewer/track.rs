//! One track: what the playlist announces is fetched, in order, ahead of the playhead.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use tokio::time::Instant;
use url::Url;

use super::{
    TRIES, Viewer, Zero, backoff,
    fetch::{PATIENCE, Wanted},
    micros,
    place::{Begin, Place, Step, Wish, begin, dated, step},
    shelf::Shelf,
};
use crate::{
    Behaviour,
    cmcd::Object,
    fault::Fault,
    playlist::{Item, Map, Media},
};

/// Players fetch ahead until they have this much: hls.js's `maxBufferLength`.
const ENOUGH: f64 = 30.0;

/// How a track came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All of it is fetched.
    Finished,
    /// Its playlist cannot be had.
    GaveUp,
}

/// Where a track begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum From {
    /// Where its kind of viewer begins.
    Start,
    /// At the playhead.
    Position(f64),
    /// Where another rung stopped.
    Place(Place),
}

/// How fetching from one rendition ended.
enum Leg {
    Finished,
    Switch(Place),
}

impl Viewer {
    /// Plays a track to its end; `url` is the sound's, the picture's is the rung's.
    pub(super) async fn track(&self, track: usize, url: Option<Url>, mut from: From) -> End {
        loop {
            let Some(url) = url.clone().or_else(|| self.rung_url()) else { return End::GaveUp };
            let shelf = Shelf::new(url.clone());
            tokio::select! {
                () = self.reload(&shelf, &url) => return End::GaveUp,
                leg = self.leg(track, &shelf, from) => match leg {
                    Leg::Finished => return End::Finished,
                    Leg::Switch(place) => from = From::Place(place),
                },
            }
        }
    }

    /// Fetches one rendition.
    async fn leg(&self, track: usize, shelf: &Shelf, from: From) -> Leg {
        let (mut place, by_parts) = self.arrive(track, shelf, from).await;
        let mut switchable = matches!(from, From::Start | From::Position(_));
        // The hint that was asked for, and the one that came.
        let (mut asked, mut hinted): (Option<Url>, Option<Url>) = (None, None);
        loop {
            shelf.from.store(place.msn, Relaxed);
            let next = match &*shelf.media.lock() {
                Some(media) => step(media, &place, by_parts),
                None => Step::Wait,
            };
            match next {
                Step::Wait => shelf.changed().await,
                Step::Advance => place.after_parts(),
                Step::End => {
                    self.playback.lock().lasts(place.position, Instant::now());
                    return Leg::Finished;
                }
                Step::Lost => {
                    self.tally().resyncs.fetch_add(1, Relaxed);
                    // Everything that is listed is of use again.
                    shelf.from.store(0, Relaxed);
                    shelf.changed().await;
                    place = self.arrive(track, shelf, From::Start).await.0;
                }
                Step::Gap(duration) => {
                    self.tally().gaps.fetch_add(1, Relaxed);
                    place.after_segment(duration + place.position - place.segment);
                    self.playback.lock().feed(track, place.position, Instant::now());
                }
                Step::Hint(uri) => {
                    let url = self.resolve(shelf, &uri).filter(|url| asked.as_ref() != Some(url));
                    let Some(url) = url else {
                        // Asked for already: what became of it is in the next edition.
                        shelf.changed().await;
                        continue;
                    };
                    if track == 0 && place.part == 0 && switchable && self.switched() {
                        return Leg::Switch(place);
                    }
                    if self.hint(track, shelf, &place, &url).await {
                        hinted = Some(url.clone());
                    }
                    asked = Some(url);
                }
                Step::Fetch { item, part, map, date } => {
                    if track == 0 && place.part == 0 {
                        if switchable && hinted.is_none() && self.switched() {
                            return Leg::Switch(place);
                        }
                        switchable = true;
                        self.dated(&place, date);
                    }
                    place.date = date;
                    self.room(track).await;
                    if let Some(map) = map {
                        self.header(track, shelf, &map).await;
                    }
                    let url = self.resolve(shelf, &item.uri);
                    match hinted.take() {
                        Some(known) if part && url.as_ref() == Some(&known) => {}
                        known => {
                            if part && known.is_some() {
                                self.tally().fault(Fault::HintBroken);
                            }
                            self.obtain(track, &item, url).await;
                        }
                    }
                    match part {
                        true => place.after_part(item.duration),
                        false => place.after_segment(item.duration),
                    }
                    if track == 0
                        && let Some(rung) = self.rung()
                    {
                        self.tally().variant(&rung.label);
                    }
                    self.playback.lock().feed(track, place.position, Instant::now());
                }
            }
        }
    }

    /// Waits for the first edition and finds the place in it.
    async fn arrive(&self, track: usize, shelf: &Shelf, from: From) -> (Place, bool) {
        let zero = match (track, from) {
            // The sound begins where the picture does.
            (1, From::Start) => self.zero.subscribe().wait_for(Option::is_some).await.ok().and_then(|zero| *zero),
            _ => None,
        };
        loop {
            let found = shelf.media.lock().as_ref().and_then(|media| {
                let by_parts = self.behaviour == Behaviour::Ll && media.part_target.is_some() && !media.ended;
                self.find(track, media, from, zero, by_parts).map(|place| (place, by_parts))
            });
            match found {
                Some(found) => return found,
                None => shelf.changed().await,
            }
        }
    }

    fn find(&self, track: usize, media: &Media, from: From, zero: Option<Zero>, by_parts: bool) -> Option<Place> {
        let wish = match (self.behaviour, by_parts) {
            (Behaviour::Replay, _) => Wish::Beginning,
            (_, true) => Wish::Parts,
            _ => Wish::Segments,
        };
        let placed = |begin: Begin, position: f64| Place {
            msn: begin.msn,
            part: begin.part,
            segment: position - (begin.position - begin.segment),
            position,
            date: begin.date,
        };
        match from {
            From::Place(place) => {
                let msn = place.date.and_then(|date| dated(media, date)).unwrap_or(place.msn);
                Some(Place { msn, part: 0, ..place })
            }
            From::Position(position) => {
                let begin = begin(media, Wish::Position(position), by_parts)?;
                self.playback.lock().seek(position, begin.need, Instant::now());
                Some(placed(begin, begin.position))
            }
            From::Start if track == 0 => {
                let begin = begin(media, wish, by_parts)?;
                Some(self.first(media, begin, by_parts, placed))
            }
            From::Start => {
                let zero = zero?;
                // Replays begin together; live tracks are lined up by their dates, or by their edges.
                let wanted =
                    zero.date.filter(|_| wish != Wish::Beginning).map(|d| d.saturating_add(micros(zero.playhead)));
                let by_date = wanted.and_then(|date| begin(media, Wish::Date(date), by_parts));
                let begin = by_date.or_else(|| begin(media, wish, by_parts))?;
                let position = match wish {
                    Wish::Beginning => begin.position,
                    _ => zero.playhead - (begin.playhead - begin.position),
                };
                if media.ended {
                    let length = media.segments.iter().map(crate::playlist::Segment::duration).sum();
                    self.playback.lock().lasts(length, Instant::now());
                }
                Some(placed(begin, position))
            }
        }
    }

    /// The picture's place: position 0 is where its first part begins, or for replays where the playlist begins. After a
    /// loss the play clock goes on by the dates.
    fn first(&self, media: &Media, begin: Begin, by_parts: bool, placed: impl Fn(Begin, f64) -> Place) -> Place {
        let now = Instant::now();
        let mut playback = self.playback.lock();
        let into = micros(begin.position - begin.segment);
        let date = begin.date.map(|date| date.saturating_add(into));
        let known = *self.zero.borrow();
        let position = match known {
            _ if self.behaviour == Behaviour::Replay || media.ended => begin.position,
            None => 0.0,
            Some(Zero { date: Some(zero), .. }) if date.is_some() => {
                date.map_or(0.0, |date| date.saturating_sub(zero) as f64 / 1e6)
            }
            Some(_) => playback.position(now) + playback.ahead(0, now),
        };
        let playhead = position + begin.playhead - begin.position;
        playback.seek(playhead, begin.need, now);
        if media.ended {
            let length = media.segments.iter().map(crate::playlist::Segment::duration).sum();
            playback.lasts(length, now);
        }
        if known.is_none() {
            let date = date.map(|date| date.saturating_sub(micros(position)));
            self.zero.send_replace(Some(Zero { date, playhead }));
            self.tally().by_parts.fetch_add(u64::from(by_parts), Relaxed);
        }
        placed(begin, position)
    }

    /// Keeps the wall clock of the play clock up with what segments say.
    fn dated(&self, place: &Place, date: Option<i64>) {
        if let Some(date) = date {
            let zero = date.saturating_sub(micros(place.segment));
            self.zero.send_if_modified(|known| {
                if let Some(known) = known {
                    known.date = Some(zero);
                }
                false
            });
        }
    }

    /// Whether another rung is chosen from here on.
    fn switched(&self) -> bool {
        let now = self.rung.load(Relaxed);
        let next = self.choose(Some(now));
        if next != now {
            self.rung.store(next, Relaxed);
            self.tally().switches.fetch_add(1, Relaxed);
        }
        next != now
    }

    /// Waits until the buffer has room.
    async fn room(&self, track: usize) {
        loop {
            let ahead = self.playback.lock().ahead(track, Instant::now());
            if ahead < ENOUGH {
                return;
            }
            tokio::time::sleep(Duration::from_secs_f64((ahead - ENOUGH).clamp(0.05, 1.0))).await;
        }
    }

    /// Fetches a header once.
    async fn header(&self, track: usize, shelf: &Shelf, map: &Map) {
        let Some(url) = self.resolve(shelf, &map.uri) else { return };
        let key = match map.range {
            None => url.to_string(),
            Some(range) => format!("{url} {}", range.from),
        };
        if !self.inits.lock().insert(key) {
            return;
        }
        let wanted = Wanted {
            url: &url,
            range: map.range,
            object: Object::Init,
            duration: 0.0,
            patience: PATIENCE,
            track,
            missing: Fault::AnnouncedMissing,
        };
        self.again(&wanted).await;
    }

    /// Fetches a part or segment; what cannot be had is passed over.
    async fn obtain(&self, track: usize, item: &Item, url: Option<Url>) {
        let Some(url) = url else {
            self.tally().fault(Fault::Unreadable);
            return;
        };
        let wanted = Wanted {
            url: &url,
            range: item.range,
            object: self.object(track),
            duration: item.duration,
            patience: PATIENCE,
            track,
            missing: Fault::AnnouncedMissing,
        };
        self.again(&wanted).await;
    }

    async fn again(&self, wanted: &Wanted<'_>) {
        for tries in 1..=TRIES {
            match self.fetch(wanted).await {
                Err(fault) if fault.passing() => tokio::time::sleep(backoff(tries)).await,
                _ => return,
            }
        }
    }

    /// Asks for a part before it is there; whether it came. Given up when the playlist announces another in its place.
    async fn hint(&self, track: usize, shelf: &Shelf, place: &Place, url: &Url) -> bool {
        let target = shelf.media.lock().as_ref().map_or(1.0, |media| media.target);
        let wanted = Wanted {
            url,
            range: None,
            object: self.object(track),
            duration: 0.0,
            patience: PATIENCE + Duration::from_secs_f64(3.0 * target),
            track,
            missing: Fault::HintMissing,
        };
        let broken = async {
            loop {
                shelf.changed().await;
                let next = match &*shelf.media.lock() {
                    Some(media) => step(media, place, true),
                    None => Step::Wait,
                };
                match next {
                    Step::Hint(uri) if self.resolve(shelf, &uri).as_ref() == Some(url) => {}
                    Step::Fetch { item, part: true, .. } if self.resolve(shelf, &item.uri).as_ref() == Some(url) => {}
                    Step::Wait => {}
                    _ => return,
                }
            }
        };
        tokio::select! {
            result = self.fetch(&wanted) => result.is_ok(),
            () = broken => {
                self.tally().fault(Fault::HintBroken);
                false
            }
        }
    }

    fn object(&self, track: usize) -> Object {
        match track {
            0 if self.rung().is_some_and(|rung| rung.audio.is_none()) => Object::Muxed,
            0 => Object::Video,
            _ => Object::Audio,
        }
    }

    fn resolve(&self, shelf: &Shelf, uri: &str) -> Option<Url> {
        shelf.base.lock().join(uri).ok()
    }
}
