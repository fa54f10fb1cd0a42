//! Asks NTP servers, and hears PTP grandmasters.

use std::{
    net::{Ipv6Addr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Duration,
};

use gstreamer as gst;
use gstreamer_net as net;

use super::{Follow, Shared, system_ahead};
use crate::{clock::signed, worker::Stop};

/// International atomic time, which PTP counts from 1970, is ahead of UTC by this much since 2017.
const TAI: i64 = 37_000_000_000;
/// A grandmaster this close to the system's UTC counts UTC itself: ptp4l does, on a computer's clock that knows no TAI.
const CLOSE: i64 = 18_000_000_000;
/// 2020. A clock that says less has not been set, or counts from when it was started.
const SET: i64 = 1_577_836_800_000_000_000;
/// Between questions to an NTP server: at first, and once it has answered.
const SOON: Duration = Duration::from_millis(500);
const LATER: Duration = Duration::from_secs(2);
/// An answer that takes longer says too little.
const ANSWER: Duration = Duration::from_secs(1);

/// Follows a clock until it is told to stop.
pub(super) fn listen(follow: &Follow, shared: &Arc<Shared>, stop: &Stop) {
    match follow {
        Follow::System => {}
        Follow::Ntp { host, port } => ask(host, *port, shared, stop),
        Follow::Ptp { domain, iface } => overhear(*domain, iface.as_deref(), shared, stop),
    }
}

/// GStreamer's NTP clock is not used: it is a clock that never goes back, and takes half an hour to recover from a step.
fn ask(host: &str, port: u16, shared: &Shared, stop: &Stop) {
    let config = rsntp::Config::default().timeout(ANSWER);
    let six = host.contains(':');
    let config = if six { config.bind_address(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))) } else { config };
    let client = rsntp::SntpClient::with_config(config);
    let mut wait = SOON;
    let mut complaint = String::new();
    loop {
        match client.synchronize((host, port)) {
            Ok(answer) => {
                // Against the system's clock, which stood as it stands now when the answer came.
                let off = answer.clock_offset().as_secs_f64() * 1e9;
                shared.hear(system_ahead().saturating_add(off as i64));
                complaint.clear();
                wait = LATER;
            }
            Err(why) => {
                let why = why.to_string();
                if why != complaint {
                    tracing::warn!(clock = format!("ntp://{host}:{port}"), "no usable answer: {why}");
                    complaint = why;
                }
                wait = wait.max(Duration::from_secs(1));
            }
        }
        shared.pass();
        if stop.wait(wait) {
            return;
        }
    }
}

/// What the grandmaster says of each of its messages, and not the clock that GStreamer makes of it: that one never goes back.
fn overhear(domain: u8, iface: Option<&str>, shared: &Arc<Shared>, stop: &Stop) {
    let interfaces: Vec<&str> = iface.into_iter().collect();
    let clock = net::PtpClock::init(None, &interfaces).and_then(|()| net::PtpClock::new(None, u32::from(domain)));
    let Ok(_clock) = clock else {
        tracing::warn!(
            clock = format!("ptp://{domain}"),
            "PTP cannot be started: gst-ptp-helper needs the right to bind ports 319 and 320 \
             (setcap cap_net_bind_service,cap_net_admin+ep)"
        );
        return;
    };
    let listener = Arc::clone(shared);
    // Decided once: the system's clock may be set later.
    let scale = OnceLock::new();
    let heard = net::PtpClock::add_statistics_callback(move |of, said| {
        let time = |name: &str| said.get::<gst::ClockTime>(name).ok().map(|time| signed(time.nseconds()));
        if of == domain
            && said.name() == "GstPtpStatisticsTimeUpdated"
            && let (Some(theirs), Some(ours)) = (time("ptp-time"), time("local-time"))
            && theirs > SET
        {
            let ahead = theirs.saturating_sub(ours);
            let is_utc = || ahead.saturating_sub(system_ahead()).saturating_abs() < CLOSE;
            listener.hear(ahead.saturating_sub(*scale.get_or_init(|| if is_utc() { 0 } else { TAI })));
        }
        gst::glib::ControlFlow::Continue
    });
    while !stop.wait(SOON) {
        shared.pass();
    }
    heard.remove();
}
