//! Programs that are not ours, publishing.

use std::{
    io::Write,
    net::UdpSocket,
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
        Self::rtsp_with(port, &[codec])
    }

    /// The same, for `user:password` by digest authentication.
    pub fn rtsp_digest(port: u16, user: &str) -> Self {
        Self::rtsp_with(port, &["h264", user])
    }

    fn rtsp_with(port: u16, args: &[&str]) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/inputs/rtsp-server.py");
        let found = Command::new("/usr/bin/python3")
            .args(["-c", "import gi; gi.require_version('GstRtspServer', '1.0')"])
            .status()
            .is_ok_and(|status| status.success());
        assert!(found, "no RTSP server: install the packages python3-gi and gir1.2-gst-rtsp-server-1.0");
        Self::start("/usr/bin/python3", "python3", &[&[script, &port.to_string()], args].concat())
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
