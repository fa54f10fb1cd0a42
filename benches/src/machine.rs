//! On what, and with whose versions.

use std::process::Command;

/// A line on the machine, and one for each program's version.
pub fn describe() -> Vec<String> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|l| l.strip_prefix("model name")?.split(": ").nth(1)).unwrap_or("unknown");
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes: f64 = memory.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(f64::NAN);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    // Of a kernel's name only its number concerns anybody.
    let kernel = kernel.trim().split('-').next().unwrap_or_default();
    let mut lines = vec![format!("{cores} cores of {model}, {:.0} GB, Linux {kernel}", kilobytes / 1048576.0)];
    let programs: [(&str, &[&str]); 7] = [
        ("nginx", &["-v"]),
        ("wrk", &["-v"]),
        ("h2load", &["--version"]),
        ("ffmpeg", &["-version"]),
        ("gst-launch-1.0", &["--version"]),
        ("chromium", &["--version"]),
        ("rustc", &["--version"]),
    ];
    lines.extend(programs.map(|(program, args)| version(program, args)));
    let lock = include_str!("../peers/multimux/Cargo.lock");
    let multimux = lock.split("name = \"multimux\"\nversion = \"").nth(1).and_then(|rest| rest.split('"').next());
    lines.push(format!("multimux {}", multimux.unwrap_or("unknown")));
    lines
}

fn version(program: &str, args: &[&str]) -> String {
    let Ok(out) = Command::new(program).args(args).output() else { return format!("{program}: not installed") };
    let both = [out.stdout, out.stderr].concat();
    let text = String::from_utf8_lossy(&both);
    let line = text.lines().find(|l| l.chars().any(|c| c.is_ascii_digit())).unwrap_or_default();
    line.split(" Copyright").next().unwrap_or_default().split(" built on").next().unwrap_or_default().trim().to_owned()
}
