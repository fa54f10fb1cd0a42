//! A sender that is started again when it ends, as encoders do, and killed without a farewell.

use std::{
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread::JoinHandle,
    time::Duration,
};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// How long an encoder waits before it tries again.
const PAUSE: Duration = Duration::from_millis(50);

pub struct Publisher {
    running: Arc<Running>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Running {
    /// The sender, and whether it is to stay away.
    now: Mutex<(Option<Child>, bool)>,
    gone: Condvar,
}

impl Publisher {
    /// `program` of the Debian `package`.
    pub fn start(program: &'static str, package: &'static str, args: Vec<String>) -> Self {
        let running = Arc::<Running>::default();
        let keep = Arc::clone(&running);
        let thread = std::thread::spawn(move || {
            loop {
                let mut now = keep.now.lock().unwrap();
                if now.1 {
                    return;
                }
                // Should the test be killed, it ends by itself.
                let run = Command::new("timeout")
                    .args(["-s", "KILL", "1200", program])
                    .args(&args)
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn();
                let child = run.unwrap_or_else(|e| panic!("{program} (apt package {package}): {e}"));
                let pid = Pid::from_child(&child);
                now.0 = Some(child);
                drop(now);
                // Its number stays its own until `end` has waited for it; an error says that this was done meanwhile.
                let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
                let now = keep.now.lock().unwrap();
                let (mut now, _) = keep.gone.wait_timeout_while(now, PAUSE, |now| !now.1).unwrap();
                end(now.0.take());
            }
        });
        Self { running, thread: Some(thread) }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        let mut now = self.running.now.lock().unwrap();
        now.1 = true;
        if let Some(child) = &now.0 {
            // The program first: `timeout` would not pass a SIGKILL on.
            let pid = child.id();
            let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
            children.split_whitespace().for_each(|pid| drop(Command::new("kill").args(["-9", pid]).status()));
        }
        end(now.0.take());
        drop(now);
        self.running.gone.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Kills what still runs.
fn end(child: Option<Child>) {
    if let Some(mut child) = child {
        let _ = child.kill();
        let _ = child.wait();
    }
}
