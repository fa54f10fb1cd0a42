//! The newest playlist of one rendition, reloaded as players reload.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};
use url::Url;

use super::{TRIES, Viewer, backoff, fetch::PATIENCE};
use crate::{Behaviour, fault::Fault, playlist::Media};

/// The newest playlist of one rendition.
pub(super) struct Shelf {
    pub(super) media: Mutex<Option<Media>>,
    /// What relative addresses in it relate to.
    pub(super) base: Mutex<Url>,
    /// Segments before this one are of no more use.
    pub(super) from: AtomicU64,
    changed: Notify,
}

impl Shelf {
    pub(super) fn new(url: Url) -> Self {
        Shelf { media: Mutex::new(None), base: Mutex::new(url), from: AtomicU64::new(0), changed: Notify::new() }
    }

    /// Waits for another edition; one waiter.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Puts a newer edition in place; whether its end is another.
    fn put(&self, mut media: Media) -> bool {
        let mut place = self.media.lock();
        let before = place.as_ref().map(|old| (old.next(), old.ended));
        let after = (media.next(), media.ended);
        if let Some(old) = place.take() {
            media.continue_from(old, self.from.load(Relaxed));
        }
        *place = Some(media);
        drop(place);
        self.changed.notify_one();
        before != Some(after)
    }
}

impl Viewer {
    /// Reloads for as long as there may be news; comes back when the viewer gives up.
    pub(super) async fn reload(&self, shelf: &Shelf, url: &Url) {
        let mut failures = 0;
        let mut held = None;
        let mut patience = PATIENCE;
        loop {
            let asked = Instant::now();
            let address = held.as_ref().map_or_else(|| url.clone(), |(at, skip)| directed(url, *at, *skip));
            let result = self.edition(shelf, &address, patience).await;
            let (media, moved) = match result {
                Ok(found) => found,
                // What a held reload asks for may no longer make sense to the server: ask plainly.
                Err(fault) => {
                    let recovers = fault.passing() || held.is_some();
                    failures += 1;
                    if failures > TRIES || !recovers {
                        return;
                    }
                    held = None;
                    tokio::time::sleep(backoff(failures)).await;
                    continue;
                }
            };
            failures = 0;
            if let Some(moved) = moved {
                *shelf.base.lock() = moved;
            }
            let _ = self.live.set(!media.ended);
            let target = media.target.max(0.1);
            let parts = self.behaviour == Behaviour::Ll && media.part_target.is_some() && media.can_block;
            let (next, ended, skip, delta) = (media.next(), media.ended, media.can_skip, media.delta);
            let news = shelf.put(media);
            if ended {
                std::future::pending::<()>().await;
            }
            if let Some((asked_for, _)) = held
                && next <= asked_for
            {
                self.tally().fault(Fault::NoNews);
            }
            // A delta update that does not meet what is known is followed by the whole playlist.
            let torn = delta && shelf.media.lock().as_ref().is_some_and(|media| media.delta);
            held = (parts && (news || held.is_none())).then_some((next, skip && !torn));
            patience = PATIENCE;
            if held.is_some() {
                patience += Duration::from_secs_f64(3.0 * target);
            } else {
                // After an answer without news half as long (draft-pantos-hls-rfc8216bis, 6.3.4).
                let wait = if news { target } else { target / 2.0 };
                tokio::time::sleep_until(asked + Duration::from_secs_f64(wait)).await;
            }
        }
    }

    async fn edition(&self, shelf: &Shelf, url: &Url, patience: Duration) -> Result<(Media, Option<Url>), Fault> {
        let (text, moved) = self.text(url, patience).await?;
        match Media::read(&text, shelf.from.load(Relaxed)) {
            Ok(media) => Ok((media, moved)),
            Err(_) => {
                self.tally().fault(Fault::Unreadable);
                Err(Fault::Unreadable)
            }
        }
    }
}

/// A held reload's address (6.2.5.2, 6.2.5.1); directives in the order of their names, so that caches see one key.
fn directed(url: &Url, (msn, part): (u64, u32), skip: bool) -> Url {
    let mut url = url.clone();
    {
        let mut query = url.query_pairs_mut();
        query.append_pair("_HLS_msn", &msn.to_string()).append_pair("_HLS_part", &part.to_string());
        if skip {
            query.append_pair("_HLS_skip", "YES");
        }
    }
    url
}
