//! A synthetic crowd that opens any HLS server as players do.
//!
//! [`Args`] is the command line of `virage load`, [`Plan`] what it means, [`load`] does it and answers with a [`Report`];
//! [`run()`] is all three with the report printed. A viewer is one task: it opens its own connections from its own address,
//! reads playlists, fetches media at its link's pace, throws the bytes away, and keeps a play clock that says when a
//! person would have seen a picture, a stall, and how late.
//!
//! Times are monotonic; PROGRAM-DATE-TIME is compared with this machine's wall clock, so latency to live is right when the
//! server's clock and this one agree.

mod args;
mod arrive;
mod cmcd;
mod error;
mod estimate;
mod fault;
mod meter;
mod net;
mod plan;
mod playback;
mod playlist;
mod report;
mod run;
mod table;
mod tally;
mod viewer;

pub use args::Args;
pub use error::Error;
pub use plan::{Arrive, Behaviour, Crowd, Http, Plan, Sources, Throughput, Trust};
pub use report::{
    Amount, Arrival, Audience, Events, Generator, Latency, Memory, Quantiles, Report, Server, Stalls, Turns,
};
pub use run::{load, run};
