//! Measures Virage beside its peers and writes `docs/performance.md`. `--short` is the form of CI; names of measures: only those,
//! printed and not written.

use std::{path::Path, process::ExitCode};

use anyhow::{Context, Result, bail};
use benches::{
    budgets::Budgets,
    cameras, capture, feed, flash, glass, growth, held, instructions, machine,
    peers::NOT_MEASURED,
    publish,
    report::{Report, table},
    serving,
    stand::Stand,
};

const MEASURES: [&str; 10] =
    ["serving", "held", "feed", "flash", "growth", "cameras", "capture", "publish", "glass", "instructions"];

/// A measure's name, and what runs it.
type Measure<'a> = (&'static str, &'a dyn Fn(&mut Report) -> Result<()>);

fn main() -> Result<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [bare, file] = &args[..]
        && bare == "bare"
    {
        held::bare(Path::new(file))?;
        return Ok(ExitCode::SUCCESS);
    }
    if let [count, work, times] = &args[..]
        && count == "count"
    {
        instructions::work(work, times)?;
        return Ok(ExitCode::SUCCESS);
    }
    let short = args.iter().any(|a| a == "--short");
    let named: Vec<&str> = args.iter().map(String::as_str).filter(|a| *a != "--short").collect();
    if let Some(unknown) = named.iter().find(|name| !MEASURES.contains(name)) {
        bail!("{unknown}: expected --short or some of {}", MEASURES.join(", "));
    }
    let budgets = Budgets::parse(include_str!("../../budgets.toml"))?;
    let machine = machine::describe();
    println!("{}", machine.join("\n"));
    let mut report = Report::default();
    let wanted = |name: &str| named.is_empty() || named.contains(&name);
    let absent = if short { brief(wanted, &mut report)? } else { whole(wanted, &mut report)? };
    let judged = report.judge(&budgets)?;
    println!("\nBudgets\n{}", table(&judged.rows));
    if !short && named.is_empty() {
        report.write(Path::new("docs"), &machine, &absent, &budgets)?;
        println!("written: docs/performance.md");
    }
    Ok(if judged.regression { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn whole(wanted: impl Fn(&str) -> bool, report: &mut Report) -> Result<Vec<(&'static str, String)>> {
    let mut absent: Vec<_> = NOT_MEASURED.iter().map(|(name, why)| (*name, (*why).to_owned())).collect();
    if ["serving", "held", "feed", "flash", "growth"].iter().any(|name| wanted(name)) {
        let stand = Stand::start()?;
        if stand.multimux.is_none() {
            absent.push(("multimux", "PEER_MULTIMUX names no program; scripts/bench.sh builds it".into()));
        }
        let on_stand: [Measure<'_>; 5] = [
            ("serving", &|r| serving::run(&stand, 3, 2, false, r)),
            ("held", &|r| held::run(&stand, 10_000, 5, r)),
            ("feed", &|r| feed::run(&stand, 18_000, 2, 3, r)),
            ("flash", &|r| flash::run(&stand, 3000, 3, r)),
            ("growth", &|r| growth::run(&stand, 3, r)),
        ];
        attempt(&on_stand, &wanted, report, &mut absent);
    }
    let alone: [Measure<'_>; 5] = [
        ("cameras", &|r| cameras::run(&[1, 4, 8, 16], 3, 20, r)),
        ("capture", &|r| capture::run(20, r)),
        ("publish", &|r| publish::run(&[60, 600, 3600, 10_800], 300, r)),
        ("glass", &|r| glass::run(3, 20, r)),
        ("instructions", &instructions::run),
    ];
    attempt(&alone, &wanted, report, &mut absent);
    Ok(absent)
}

/// A measure that fails costs the others nothing: it is named as not measured, with the reason.
fn attempt(
    measures: &[Measure<'_>],
    wanted: impl Fn(&str) -> bool,
    report: &mut Report,
    absent: &mut Vec<(&'static str, String)>,
) {
    for (name, run) in measures {
        if !wanted(name) {
            continue;
        }
        if let Err(error) = run(report) {
            println!("\n{name} was not measured: {error:#}");
            absent.push((*name, format!("failed in this run: {error:#}")));
        }
    }
}

/// The form of CI: a measure that cannot be taken fails it.
fn brief(wanted: impl Fn(&str) -> bool, report: &mut Report) -> Result<Vec<(&'static str, String)>> {
    let mut measure = |name: &'static str, run: &dyn Fn(&mut Report) -> Result<()>| {
        if wanted(name) { run(report).context(name) } else { Ok(()) }
    };
    if ["serving", "held", "feed"].iter().any(|name| wanted(name)) {
        let stand = Stand::start()?;
        measure("serving", &|r| serving::run(&stand, 3, 1, true, r))?;
        measure("held", &|r| held::run(&stand, 3000, 5, r))?;
        measure("feed", &|r| feed::run(&stand, 5000, 1, 3, r))?;
    }
    measure("cameras", &|r| cameras::run(&[4], 2, 10, r))?;
    measure("instructions", &instructions::run)?;
    Ok(Vec::new())
}
