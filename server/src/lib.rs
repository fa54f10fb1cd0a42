//! The Virage server: HTTP, auth, catalog, events and command line over capture, packager and store.
//!
//! Entry points: [`start::start`] puts the state together, [`change::apply`] has
//! the configured cameras run, [`http::app`] is every address over that
//! state, [`serve::serve`] accepts connections for it.

pub mod app;
pub mod catalog;
pub mod change;
pub mod config;
pub mod crew;
pub mod demo;
pub mod events;
pub mod feed;
pub mod hot;
pub mod http;
pub mod id;
pub mod keep;
pub mod lineup;
pub mod live;
pub mod moments;
pub mod poster;
pub mod run;
pub mod serve;
pub mod settings;
pub mod sources;
pub mod start;
pub mod timing;
pub mod tls;
pub mod words;
