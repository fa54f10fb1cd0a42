//! A run from its options to its report.

use std::{
    collections::HashSet,
    io::Write,
    net::UdpSocket,
    process::ExitCode,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use parking_lot::Mutex;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{task::JoinSet, time::Instant};

use crate::{
    Args, Arrival, Audience, Behaviour, Crowd, Error, Generator, Http, Memory, Plan, Report, Server, arrive,
    fault::Fault,
    meter::{self, Meter, Used},
    net::{Dialer, Origin},
    tally::{Tally, Times},
    viewer::{self, Setting},
};

/// Files that are open anyway: the runtime's, standard streams, /proc.
const SPARE_FILES: u64 = 64;
/// How often the lag of timers is measured.
const TICK: Duration = Duration::from_millis(10);

/// Does what the command line says and prints the report. Success when no viewer saw an error, 1 otherwise.
///
/// # Errors
/// When the run cannot start, or the report cannot be written; `virage` exits with 2 then.
pub async fn run(args: Args) -> Result<ExitCode, Error> {
    let json = args.json;
    let report = load(args.plan()?).await?;
    let text = match json {
        true => serde_json::to_string_pretty(&report).map_err(std::io::Error::from)? + "\n",
        false => report.text(),
    };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(if report.errors == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Sends the crowds in, waits until the last viewer has gone, and reports.
///
/// Needs a tokio runtime with time and network, of several threads for large crowds.
///
/// # Errors
/// When the run cannot start. What viewers suffer is in the report.
pub async fn load(plan: Plan) -> Result<Report, Error> {
    if plan.crowds.is_empty() {
        return Err(Error::Option("no crowd".into()));
    }
    let dialer = Arc::new(Dialer::new(&plan)?);
    sources(&plan)?;
    let mut pids = plan.server_pids.clone();
    for pid in &pids {
        meter::exists(*pid).map_err(|found| Error::Process { pid: *pid, found })?;
    }
    let origins: HashSet<Origin> = plan.crowds.iter().filter_map(|crowd| Origin::of(&crowd.url)).collect();
    for origin in &origins {
        let at = dialer.address(origin).await?;
        greet(&dialer, origin, &plan).await?;
        if plan.server_pids.is_empty() {
            pids.extend(meter::listeners(at));
        }
    }
    pids.sort_unstable();
    pids.dedup();
    files(&plan, &origins)?;

    let tallies: Vec<Arc<Tally>> = plan.crowds.iter().map(|_| Arc::default()).collect();
    let own = Meter::start(vec![std::process::id()]);
    let server = (!pids.is_empty()).then(|| Meter::start(pids));
    let lag = Arc::new(Mutex::new(Times::default()));
    let ticking = tokio::spawn(tick(lag.clone()));
    let began = jiff::Timestamp::now();
    let start = Instant::now();
    let arrival = send_in(&plan, &dialer, &tallies, start).await;
    let seconds = start.elapsed().as_secs_f64();
    ticking.abort();

    let own = own.stop();
    let crowds: Vec<Audience> =
        plan.crowds.iter().zip(&tallies).map(|(crowd, tally)| Audience::new(crowd, tally)).collect();
    Ok(Report {
        began: began.to_string(),
        seconds,
        errors: crowds.iter().flat_map(|crowd| crowd.errors.values()).sum(),
        connections: dialer.opened().saturating_sub(origins.len() as u64),
        generator: Generator {
            cores: own.cores(),
            peak_cores: own.peak_cores,
            peak_rss: own.peak_rss,
            lag_p99_ms: lag.lock().at(0.99).unwrap_or(0.0),
        },
        server: server.map(|meter| {
            let pids = meter.pids().to_vec();
            measured(pids, &meter.stop(), arrival.viewers)
        }),
        crowds,
        arrival,
    })
}

/// Sends each viewer in at its time and waits for all to leave.
async fn send_in(plan: &Plan, dialer: &Arc<Dialer>, tallies: &[Arc<Tally>], start: Instant) -> Arrival {
    let mut rng = fastrand::Rng::with_seed(plan.seed);
    let mut comers: Vec<(Duration, usize)> = Vec::new();
    for (index, crowd) in plan.crowds.iter().enumerate() {
        let times = arrive::times(plan.arrive, crowd.viewers, plan.over, &mut rng);
        comers.extend(times.into_iter().map(|at| (at, index)));
    }
    comers.sort_by_key(|(at, _)| *at);
    let end = start + plan.length;
    let mut viewers = JoinSet::new();
    let (mut late, mut first, mut last) = (Duration::ZERO, None, start);
    let mut sources = plan.sources.iter().copied().cycle();
    for (at, index) in comers {
        let at = start + at;
        if at >= end {
            break;
        }
        tokio::time::sleep_until(at).await;
        last = Instant::now();
        first.get_or_insert(last);
        late = late.max(last.duration_since(at));
        let crowd: &Crowd = &plan.crowds[index];
        let setting = Setting {
            behaviour: crowd.behaviour,
            url: crowd.url.clone(),
            dialer: dialer.clone(),
            tally: tallies[index].clone(),
            source: sources.next(),
            link: plan.throughput.draw(&mut rng),
            turn: plan.turn,
            session: format!("{:032x}", rng.u128(..)),
        };
        viewers.spawn(viewer::attend(setting, end));
    }
    while let Some(left) = viewers.join_next().await {
        if let Err(error) = left
            && let Ok(panic) = error.try_into_panic()
        {
            // A viewer that panics is a bug here, not something to report about the server.
            std::panic::resume_unwind(panic);
        }
    }
    let came = tallies.iter().map(|tally| tally.arrived.load(Relaxed)).sum();
    let seconds = first.map_or(0.0, |first| last.duration_since(first).as_secs_f64());
    Arrival {
        viewers: came,
        seconds,
        per_second: came as f64 / seconds.max(0.001),
        late_ms: late.as_secs_f64() * 1000.0,
    }
}

/// Each address must be this machine's.
fn sources(plan: &Plan) -> Result<(), Error> {
    for address in &plan.sources {
        UdpSocket::bind((*address, 0)).map_err(|found| Error::Source { address: *address, found })?;
    }
    Ok(())
}

/// Somebody must answer before thousands ask.
async fn greet(dialer: &Dialer, origin: &Origin, plan: &Plan) -> Result<(), Error> {
    let scheme = if origin.secure { "https" } else { "http" };
    let found = match dialer.dial(origin, plan.sources.first().copied()).await {
        Ok(_) => return Ok(()),
        Err(Fault::Tls) => "no TLS session: is its certificate trusted? (--ca FILE, or --insecure)".into(),
        Err(Fault::Timeout) => "no answer within 10 s".into(),
        Err(fault) => fault.to_string(),
    };
    Err(Error::Reach { url: format!("{scheme}://{}:{}", origin.host, origin.port), found })
}

/// Raises the limit of open files to the hard one and holds the plan against it.
fn files(plan: &Plan, origins: &HashSet<Origin>) -> Result<(), Error> {
    let one_each = plan.http == Http::Two || (plan.http == Http::Auto && origins.iter().all(|origin| origin.secure));
    let of = |behaviour: Behaviour| if one_each { 1 } else { behaviour.connections() };
    let viewers = plan.crowds.iter().map(|crowd| u64::from(crowd.viewers)).sum();
    let needed = plan.crowds.iter().map(|c| u64::from(c.viewers) * u64::from(of(c.behaviour))).sum();
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: before.maximum, maximum: before.maximum };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => before.maximum,
        Err(_) => before.current,
    };
    let limit = limit.unwrap_or(u64::MAX);
    if needed > limit.saturating_sub(SPARE_FILES) {
        return Err(Error::Files { viewers, needed, limit });
    }
    Ok(())
}

/// Measures how late timers fire.
async fn tick(lag: Arc<Mutex<Times>>) {
    loop {
        let due = Instant::now() + TICK;
        tokio::time::sleep_until(due).await;
        lag.lock().add(due.elapsed());
    }
}

fn measured(pids: Vec<u32>, used: &Used, viewers: u64) -> Server {
    let grown = used.peak_rss.saturating_sub(used.first.rss);
    Server {
        pids,
        cores: used.cores(),
        peak_cores: used.peak_cores,
        rss: Memory { start: used.first.rss, peak: used.peak_rss, end: used.latest.rss },
        pss: Memory { start: used.first.pss, peak: used.peak_pss, end: used.latest.pss },
        per_viewer: grown as f64 / (viewers.max(1)) as f64,
    }
}
