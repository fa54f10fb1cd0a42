//! Where cameras leave their pictures for the mosaic.

use std::{
    collections::VecDeque,
    mem,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use gstreamer as gst;
use packager::Slug;

use super::{Layout, Tile};
use crate::{Rung, sync::MS, worker::lock};

/// Pictures of one camera between two looks; of more the oldest goes: a decoder's buffers are few.
const MOST: usize = 8;

/// A picture of a grid slot, of the size of a camera's tallest rung.
#[derive(Clone)]
pub(super) struct Picture {
    pub frame: u64,
    pub buffer: gst::Buffer,
    pub canvas: Rung,
}

/// All tiles' pictures.
#[derive(Default)]
pub(super) struct Inbox {
    /// Who looks. Without anybody nothing is kept.
    looking: AtomicUsize,
    state: Mutex<State>,
    fresh: Condvar,
}

#[derive(Default)]
struct State {
    layout: Layout,
    /// Counts layouts.
    version: u64,
    cells: Vec<Cell>,
}

/// A camera's pictures, and how late it is by what is known, in nanoseconds.
#[derive(Default)]
struct Cell {
    late: i64,
    pictures: VecDeque<Picture>,
}

/// What is new.
pub(super) struct News {
    /// Who stands where, when that has changed.
    pub layout: Option<Layout>,
    pub pictures: Vec<(Slug, Picture)>,
    /// How late the latest camera is, in nanoseconds.
    pub late: i64,
}

/// Somebody who looks.
pub(super) struct Looker {
    inbox: Arc<Inbox>,
    version: Option<u64>,
}

impl Inbox {
    pub fn arrange(&self, layout: Layout) {
        let state = &mut *lock(&self.state);
        if state.layout == layout {
            return;
        }
        let (tiles, mut before) = (mem::take(&mut state.layout.tiles), mem::take(&mut state.cells));
        let cell = |tile: &Tile| {
            // What is under way of a camera that stays is not lost.
            let place = tiles.iter().position(|known| known.camera == tile.camera);
            let pictures = place.and_then(|place| before.get_mut(place)).map(|cell| mem::take(&mut cell.pictures));
            Cell { late: tile.offset_ms * MS, pictures: pictures.unwrap_or_default() }
        };
        state.cells = layout.tiles.iter().map(cell).collect();
        state.layout = layout;
        state.version += 1;
        self.fresh.notify_all();
    }

    pub fn put(&self, camera: &Slug, late: i64, picture: impl FnOnce() -> Picture) {
        if self.looking.load(Ordering::Relaxed) == 0 {
            return;
        }
        let state = &mut *lock(&self.state);
        let place = state.layout.tiles.iter().position(|tile| tile.camera == *camera);
        if let Some(cell) = place.and_then(|place| state.cells.get_mut(place)) {
            cell.late = late;
            if cell.pictures.len() >= MOST {
                cell.pictures.pop_front();
            }
            cell.pictures.push_back(picture());
            self.fresh.notify_all();
        }
    }
}

impl Looker {
    pub fn new(inbox: Arc<Inbox>) -> Self {
        inbox.looking.fetch_add(1, Ordering::Relaxed);
        Self { inbox, version: None }
    }

    /// Waits for something new, at most `time`; takes what there is.
    pub fn look(&mut self, time: Duration) -> News {
        let seen = self.version;
        let nothing =
            |state: &mut State| Some(state.version) == seen && state.cells.iter().all(|cell| cell.pictures.is_empty());
        let state = lock(&self.inbox.state);
        let waited = self.inbox.fresh.wait_timeout_while(state, time, nothing);
        let state = &mut *waited.unwrap_or_else(PoisonError::into_inner).0;
        let layout = (Some(state.version) != seen).then(|| state.layout.clone());
        self.version = Some(state.version);
        let late = state.cells.iter().map(|cell| cell.late).max().unwrap_or(0).max(0);
        let mut pictures = Vec::new();
        for (tile, cell) in state.layout.tiles.iter().zip(&mut state.cells) {
            pictures.extend(mem::take(&mut cell.pictures).into_iter().map(|picture| (tile.camera.clone(), picture)));
        }
        News { layout, pictures, late }
    }
}

impl Drop for Looker {
    fn drop(&mut self) {
        self.inbox.looking.fetch_sub(1, Ordering::Relaxed);
        lock(&self.inbox.state).cells.iter_mut().for_each(|cell| cell.pictures.clear());
    }
}
