//! Connections as a phone has them: a viewer's own, from its own address, at its link's pace.

mod answer;
mod client;
mod dial;
mod link;
mod tls;

pub(crate) use answer::Answer;
pub(crate) use client::{Ask, Client};
pub(crate) use dial::{Dialer, Origin};
pub(crate) use link::Link;
