//! Sources that call us: encoders and phones that publish over RTMP or WHIP.
//!
//! A camera has a [`Seat`]; its present pipeline waits there, as an [`Inlet`](crate::ingest::Inlet), for one publisher.
//! The sockets belong to a runtime of one thread, so that nothing of this runs where the crowd is served. Ports and
//! camera ids are the process's: several cameras share an RTMP port, and WHIP finds its camera by its id.

mod key;
mod refusals;
mod rtmp;
mod seat;
pub mod whip;

use std::{
    io,
    sync::{Arc, OnceLock},
};

use tokio::runtime::{Builder, Handle, Runtime};

pub(crate) use key::Key;
pub(crate) use seat::Seat;

use crate::{
    Source,
    source::{Kind, Push},
};

/// An open door: publishers of a camera can come as long as this lives.
pub(crate) struct Door {
    pub seat: Arc<Seat>,
    _open: Open,
}

enum Open {
    Rtmp { _room: rtmp::Room },
    Whip { _place: whip::Place },
}

impl Door {
    /// Opens a camera's door, when its source is one that calls us.
    pub fn open(camera: &str, source: &Source) -> Result<Option<Self>, String> {
        let Kind::Push(push) = &source.kind else { return Ok(None) };
        let runtime = runtime().map_err(|error| format!("no thread for publishers: {error}"))?;
        let seat = Arc::<Seat>::default();
        let limits = Arc::clone(&source.limits);
        let open = match push {
            Push::Rtmp(address) => {
                Open::Rtmp { _room: rtmp::open(runtime, camera, address, limits, Arc::clone(&seat))? }
            }
            Push::Whip(address) => {
                Open::Whip { _place: whip::open(runtime, camera, address, limits, Arc::clone(&seat)) }
            }
        };
        Ok(Some(Self { seat, _open: open }))
    }
}

/// The runtime of everything that listens here.
fn runtime() -> io::Result<&'static Handle> {
    static RUNTIME: OnceLock<io::Result<Runtime>> = OnceLock::new();
    let made = RUNTIME
        .get_or_init(|| Builder::new_multi_thread().worker_threads(1).thread_name("publishers").enable_all().build());
    made.as_ref().map(Runtime::handle).map_err(|error| io::Error::new(error.kind(), error.to_string()))
}
