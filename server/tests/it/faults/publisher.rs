//! A sender that is started again when it ends, as encoders do, and killed without a farewell.

use std::{
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::Duration,
};

pub struct Publisher {
    child: Arc<Mutex<Option<Child>>>,
    gone: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Publisher {
    /// `program` of the Debian `package`.
    pub fn start(program: &'static str, package: &'static str, args: Vec<String>) -> Self {
        let (child, gone) = (Arc::new(Mutex::new(None::<Child>)), Arc::new(AtomicBool::new(false)));
        let keep = { (Arc::clone(&child), Arc::clone(&gone)) };
        let thread = std::thread::spawn(move || {
            let (child, gone) = keep;
            while !gone.load(Relaxed) {
                let mut slot = child.lock().unwrap();
                let ended = slot.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some());
                if ended && !gone.load(Relaxed) {
                    // Should the test be killed, it ends by itself.
                    let run = Command::new("timeout")
                        .args(["-s", "KILL", "1200", program])
                        .args(&args)
                        .stdin(Stdio::null())
                        .stdout(Stdio::null())
                        .stderr(Stdio::null())
                        .spawn();
                    *slot = Some(run.unwrap_or_else(|e| panic!("{program} (apt package {package}): {e}")));
                }
                drop(slot);
                std::thread::park_timeout(Duration::from_millis(50));
            }
        });
        Self { child, gone, thread: Some(thread) }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.gone.store(true, Relaxed);
        if let Some(mut child) = self.child.lock().unwrap().take() {
            // The program first: `timeout` would not pass a SIGKILL on.
            let pid = child.id();
            let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
            children.split_whitespace().for_each(|pid| drop(Command::new("kill").args(["-9", pid]).status()));
            let _ = child.kill();
            let _ = child.wait();
        }
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}
