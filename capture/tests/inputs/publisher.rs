//! Programs that are not ours, publishing.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A running program; killed (SIGKILL) when it is dropped.
pub struct Publisher {
    child: Child,
}

impl Publisher {
    /// Starts `program` of the Debian `package`.
    pub fn start(program: &str, package: &str, args: &[&str]) -> Self {
        let child = Command::new(program).args(args).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let child = child.unwrap_or_else(|e| panic!("{program}: {e}: install the package {package}"));
        Self { child }
    }

    /// ffmpeg publishing a moving picture and a tone in real time: H.264 with a key frame a second, and AAC.
    pub fn ffmpeg(output: &[&str]) -> Self {
        Self::ffmpeg_with(&["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"], output)
    }

    /// The same with another video encoder.
    pub fn ffmpeg_with(encoder: &[&str], output: &[&str]) -> Self {
        let picture = "testsrc2=size=320x180:rate=25";
        let sound = "sine=frequency=440:sample_rate=48000";
        let mut args = vec!["-hide_banner", "-loglevel", "error", "-re", "-f", "lavfi", "-i", picture];
        args.extend(["-re", "-f", "lavfi", "-i", sound]);
        args.extend(encoder);
        args.extend(["-threads", "1", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "aac", "-ac", "2"]);
        args.extend(output);
        Self::start("ffmpeg", "ffmpeg", &args)
    }

    /// ffmpeg publishing the pictures that `draw` makes in real time: 640×360 I420 at 25 frames per second.
    pub fn drawn(output: &[&str], mut draw: impl FnMut(u64, &mut [u8]) + Send + 'static) -> Self {
        let mut child = Command::new("ffmpeg")
            .args([
                "-hide_banner",
                "-loglevel",
                "error",
                "-fflags",
                "nobuffer",
                "-f",
                "rawvideo",
                "-pix_fmt",
                "yuv420p",
            ])
            .args(["-s", "640x360", "-r", "25", "-i", "-", "-c:v", "libx264", "-preset", "ultrafast"])
            .args(["-tune", "zerolatency", "-threads", "1", "-g", "25", "-muxdelay", "0", "-flush_packets", "1"])
            .args(output)
            .stdin(Stdio::piped())
            .spawn()
            .expect("ffmpeg: install the package ffmpeg");
        let mut pipe = child.stdin.take().expect("a pipe");
        std::thread::spawn(move || {
            let started = Instant::now();
            let mut picture = vec![128; 640 * 360 * 3 / 2];
            for frame in 0.. {
                let due = Duration::from_millis(40) * frame;
                std::thread::sleep(due.saturating_sub(started.elapsed()));
                draw(u64::from(frame), &mut picture);
                if pipe.write_all(&picture).is_err() {
                    return;
                }
            }
        });
        Self { child }
    }

    /// A file made by ffmpeg: `seconds` of the same, with B-frames.
    pub fn file(path: &Path, seconds: &str) {
        Self::file_with(path, seconds, &["-c:v", "libx264", "-g", "25", "-bf", "2"]);
    }

    /// The same with another video encoder.
    pub fn file_with(path: &Path, seconds: &str, encoder: &[&str]) {
        let picture = "testsrc2=size=320x180:rate=25";
        let status = Command::new("ffmpeg")
            .args(["-hide_banner", "-loglevel", "error", "-y", "-f", "lavfi", "-i", picture])
            .args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", seconds])
            .args(encoder)
            .args(["-pix_fmt", "yuv420p", "-c:a", "aac"])
            .arg(path)
            .status();
        let status = status.unwrap_or_else(|e| panic!("ffmpeg: {e}: install the package ffmpeg"));
        assert!(status.success(), "ffmpeg made no {}", path.display());
    }

    /// Waits for the program's end, at most so long; whether it has ended.
    pub fn wait_within(&mut self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        while Instant::now() < deadline {
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// A GStreamer pipeline.
    pub fn gst(pipeline: &str) -> Self {
        let args: Vec<&str> = std::iter::once("-q").chain(pipeline.split_whitespace()).collect();
        Self::start("gst-launch-1.0", "gstreamer1.0-tools", &args)
    }

    /// nginx's RTMP server, to publish to and to pull from: `rtmp://127.0.0.1:{port}/live/…`. Its files are in `folder`.
    pub fn rtmp_server(folder: &Path, port: u16) -> Self {
        let here = folder.display();
        let configuration = format!(
            "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so; daemon off; master_process off; pid {here}/pid;\n\
             error_log {here}/log error; events {{}}\n\
             rtmp {{ server {{ listen 127.0.0.1:{port}; application live {{ live on; }} }} }}\n"
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, configuration).expect("a file");
        let args = ["-p", folder.to_str().expect("a name"), "-e", "stderr", "-c", file.to_str().expect("a name")];
        let server = Self::start("/usr/sbin/nginx", "nginx-light and libnginx-mod-rtmp", &args);
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "nginx does not listen: install nginx-light and libnginx-mod-rtmp");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// An RTSP server (gst-rtsp-server, driven from Python) with H.264 and AAC at `rtsp://127.0.0.1:{port}/cam`.
    pub fn rtsp(port: u16, codec: &str) -> Self {
        Self::rtsp_with(&[], port, &[codec])
    }

    /// The same, for `user:password` by digest authentication.
    pub fn rtsp_digest(port: u16, user: &str) -> Self {
        Self::rtsp_with(&[], port, &["h264", user])
    }

    /// The same on a system clock that is `fast` seconds fast.
    pub fn rtsp_fast(port: u16, fast: i64) -> Self {
        let faked = [("FAKETIME", format!("{fast:+}s")), ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into())];
        let env: Vec<(&str, String)> = faked.into_iter().chain([("LD_PRELOAD", libfaketime())]).collect();
        Self::rtsp_with(&env, port, &["h264"])
    }

    /// The same on the clock of an NTP server at `ntp`, which it declares.
    pub fn rtsp_clocked(port: u16, ntp: u16) -> Self {
        Self::rtsp_with(&[], port, &["h264", &format!("ntp={ntp}")])
    }

    /// A camera whose pictures say when they were made, and whose sender reports say it too; see `strip-camera.py`.
    pub fn strip_camera(port: u16, way: &str, number: u8, pace: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/inputs/strip-camera.py");
        let args = [script, &port.to_string(), way, &number.to_string(), pace];
        let mut camera = Self::start("/usr/bin/python3", "python3", &args);
        let deadline = Instant::now() + Duration::from_secs(30);
        while way == "rtsp" && TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = camera.wait_within(Duration::from_millis(50));
            assert!(!ended && Instant::now() < deadline, "the camera at port {port} does not start");
        }
        camera
    }

    /// chronyd serving the time of this machine on a port.
    pub fn ntp(folder: &Path, port: u16) -> Self {
        let (config, pid) = (folder.join("chrony.conf"), folder.join("chronyd.pid"));
        let served = format!("port {port}\nbindaddress 127.0.0.1\nallow 127.0.0.1\nlocal stratum 1\n");
        let alone = format!("cmdport 0\nbindcmdaddress /\npidfile {}\n", pid.display());
        std::fs::write(&config, served + &alone).expect("a configuration");
        // -x -U: it sets no clock, and needs no rights.
        let args = ["-d", "-x", "-U", "-u", "root", "-f", &config.display().to_string()];
        Self::start("/usr/sbin/chronyd", "chrony", &args)
    }

    fn rtsp_with(env: &[(&str, String)], port: u16, args: &[&str]) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/inputs/rtsp-server.py");
        let found = Command::new("/usr/bin/python3")
            .args(["-c", "import gi; gi.require_version('GstRtspServer', '1.0')"])
            .status()
            .is_ok_and(|status| status.success());
        assert!(found, "no RTSP server: install the packages python3-gi and gir1.2-gst-rtsp-server-1.0");
        let mut server = Command::new("/usr/bin/python3");
        server.args([script, &port.to_string()]).args(args).envs(env.iter().cloned()).stdout(Stdio::null());
        Self { child: server.spawn().expect("python3: install the package python3") }
    }
}

impl Publisher {
    /// Stops the program where it stands: its connections stay open, and silent.
    pub fn pause(&self) {
        let stopped = Command::new("kill").args(["-STOP", &self.child.id().to_string()]).status();
        assert!(stopped.is_ok_and(|status| status.success()), "kill -STOP");
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        // SIGKILL: no farewell is sent.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago, for UDP and TCP.
pub fn port() -> u16 {
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a UDP socket");
        let port = udp.local_addr().expect("its address").port();
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// The library that shows a program another system clock (package libfaketime).
fn libfaketime() -> String {
    let found = std::fs::read_dir("/usr/lib").expect("/usr/lib").filter_map(Result::ok);
    let library = found.map(|folder| folder.path().join("faketime/libfaketime.so.1")).find(|path| path.exists());
    library.expect("no libfaketime: install the package libfaketime").display().to_string()
}

/// A TCP port whose connections lead to `to`; what comes back from there is `late`.
pub fn late_relay(to: u16, late: Duration) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a TCP socket");
    let port = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let Ok(far) = TcpStream::connect(("127.0.0.1", to)) else { continue };
            let (mut from_near, mut to_far) = (near.try_clone().expect("a socket"), far.try_clone().expect("a socket"));
            std::thread::spawn(move || std::io::copy(&mut from_near, &mut to_far));
            std::thread::spawn(move || hold_back(far, near, late));
        }
    });
    port
}

fn hold_back(mut from: TcpStream, mut to: TcpStream, late: Duration) {
    let (sender, receiver) = std::sync::mpsc::channel::<(Instant, Vec<u8>)>();
    std::thread::spawn(move || {
        for (due, bytes) in receiver {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                return;
            }
        }
    });
    let mut buffer = vec![0; 65_536];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if sender.send((Instant::now() + late, buffer[..length].to_vec())).is_err() {
            return;
        }
    }
}
