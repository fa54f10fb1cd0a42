//! Crowds against servers on real sockets, which note what they are asked for.

mod feed;
mod live;
mod network;
mod origin;
mod replay;
mod trouble;

use std::time::Duration;

use load::{Behaviour, Plan, Report, Throughput};

/// A crowd that comes at once and may stay for `seconds`.
fn plan(behaviour: Behaviour, viewers: u32, url: &str, seconds: u64) -> Plan {
    Plan {
        over: Duration::ZERO,
        length: Duration::from_secs(seconds),
        throughput: Throughput::Unlimited,
        ..Plan::new(behaviour, viewers, url.parse().expect("an address"))
    }
}

async fn load(plan: Plan) -> Report {
    load::load(plan).await.expect("the run starts")
}
