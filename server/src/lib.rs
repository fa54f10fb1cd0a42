//! The Virage server: HTTP, auth, catalog, events and command line over capture, packager and store.
//!
//! Entry points: [`start::start`] puts the state together and runs the cameras, [`http::app`] is every address over that
//! state, [`serve::serve`] accepts connections for it.

pub mod app;
pub mod catalog;
pub mod config;
pub mod crew;
pub mod demo;
pub mod events;
pub mod feed;
pub mod hot;
pub mod http;
pub mod id;
pub mod keep;
pub mod live;
pub mod moments;
pub mod poster;
pub mod serve;
pub mod start;
pub mod tls;
