use proptest::prelude::*;

use std::{path::PathBuf, sync::Arc};

use crate::{LimitError, Limits, Source};

/// One table: an address, and how it is shown or what the error says.
const CASES: &[(&str, Result<&str, &str>)] = &[
    ("srt://10.0.0.5:7001", Ok("srt://10.0.0.5:7001?mode=caller")),
    ("srt://0.0.0.0:7001?mode=listener", Ok("srt://0.0.0.0:7001?mode=listener")),
    ("srt://[::1]:7001?mode=listener&latency=80", Ok("srt://[::1]:7001?mode=listener")),
    (
        "srt://cam.local:9?passphrase=0123456789&pbkeylen=32&streamid=%23!::r=main,m=request",
        Ok("srt://cam.local:9?mode=caller&passphrase=***&streamid=***"),
    ),
    ("udp://0.0.0.0:5000", Ok("udp://0.0.0.0:5000")),
    ("udp://239.1.2.3:5000?iface=eth0", Ok("udp://239.1.2.3:5000")),
    ("udp://[ff02::1]:5000", Ok("udp://[ff02::1]:5000")),
    ("rtsp://10.0.0.9/stream", Ok("rtsp://10.0.0.9/stream")),
    ("rtsp://admin:hunter22@10.0.0.9:554/a/b?transport=udp", Ok("rtsp://***@10.0.0.9:554/a/b")),
    ("rtsp://cam?channel=1&transport=tcp&key=hunter22", Ok("rtsp://cam/?***")),
    ("rtsp://cam/user=admin&password=hunter22/a.sdp?x", Ok("rtsp://cam/***/a.sdp?***")),
    ("rtsps://cam/x", Ok("rtsps://cam/x")),
    (
        "rtmp://0.0.0.0:1935/live/main?mode=listener&key=hunter22",
        Ok("rtmp://0.0.0.0:1935/live/main?mode=listener&key=***"),
    ),
    ("rtmp://[::]/live/main/?key=hunter22&mode=listener", Ok("rtmp://[::]:1935/live/main?mode=listener&key=***")),
    ("whip://", Ok("whip://")),
    ("whip://?key=hunter22", Ok("whip://?key=***")),
    ("whip://0.0.0.0:8189?key=hunter22", Ok("whip://0.0.0.0:8189?key=***")),
    ("file:///media/match%20day.mp4?loop=false", Ok("file:///media/match day.mp4")),
    ("file://localhost/media/match.TS", Ok("file:///media/match.TS")),
    ("srt://10.0.0.5:7001?mode=rendezvous&localport=7002", Ok("srt://10.0.0.5:7001?mode=rendezvous")),
    ("udp://0.0.0.0:5000?iface=eth1", Ok("udp://0.0.0.0:5000")),
    ("rtp://0.0.0.0:5004", Ok("rtp://0.0.0.0:5004?codec=mp2t")),
    (
        "rtp://239.1.2.3:5004?iface=eth0&codec=h265&pt=98&latency=20&sound=aac&sound_port=5006&sound_config=1210",
        Ok("rtp://239.1.2.3:5004?codec=h265&sound=aac&sound_port=5006"),
    ),
    ("rist://0.0.0.0:5000?latency=400", Ok("rist://0.0.0.0:5000")),
    ("rtmp://cdn.example/live/hunter22", Ok("rtmp://cdn.example/live/***")),
    ("rtmp://me:hunter22@[::1]:1936/a/b/c?key=hunter22", Ok("rtmp://***@[::1]:1936/a/b/***")),
    ("rtmps://cdn.example/live/x", Ok("rtmps://cdn.example/live/***")),
    ("v4l2:///dev/video0?format=mjpeg&size=1920x1080&fps=30000/1001", Ok("v4l2:///dev/video0")),
    ("decklink://1?mode=1080i50&connection=sdi&channels=8", Ok("decklink://1?mode=1080i50")),
    ("ndi://TRUCK%20(Camera%201)", Ok("ndi://TRUCK (Camera 1)")),
    ("ndi://10.0.0.7:5961", Ok("ndi://10.0.0.7:5961")),
    ("", Err("ndi://, whip://, file://; found no scheme")),
    ("/etc/passwd", Err("found no scheme")),
    (
        "srt://0.0.0.0:7001?mode=listener?passphrase=hunter2hunter2",
        Err("or rendezvous for mode of a srt source; found something else"),
    ),
    ("srt://h:7001?latency=120;passphrase=hunter2hunter2", Err("for latency of a srt source; found something else")),
    ("srt://h:7001?passphrase=firstpart1&hunter2", Err("each once; found something else")),
    ("srt://h:7001?hunter2", Err("each once; found something else")),
    ("whip://?hunter2hunter2", Err("each once; found something else")),
    ("rtsp://cam/x?transport=tcp;hunter2", Err("for transport of a rtsp source; found something else")),
    ("v4l2:///dev/video0?size=1920x1080,hunter2", Err("for size of a v4l2 source; found something else")),
    ("file:///srv/match", Err("or mkv in a file source; found a name without an ending")),
    ("file:///srv/match.avi", Err("or mkv in a file source; found one that ends in avi")),
    ("gopher://example.org/x", Err("found gopher://")),
    ("appsrc://x", Err("found appsrc://")),
    ("srt://10.0.0.5:7001?localport=7002", Err("expected mode=rendezvous as well for localport")),
    ("srt://0.0.0.0:7001?mode=rendezvous", Err("expected mode=listener with 0.0.0.0, or a host to call")),
    ("srt://h:1?mode=rendezvous&localport=x", Err("expected a port from 1 to 65535 for localport")),
    ("rtp://camera:5004", Err("expected an IP address")),
    ("rtp://0.0.0.0", Err("expected a port in a rtp source")),
    (
        "rtp://0.0.0.0:5004?codec=vp9",
        Err("expected mp2t, h264, h265 or mpeg2 for codec of a rtp source; found \"vp9\""),
    ),
    ("rtp://0.0.0.0:5004?pt=128", Err("expected a payload type from 0 to 127 for pt")),
    ("rtp://0.0.0.0:5004?sound=opus", Err("expected sound and sound_port together")),
    ("rtp://0.0.0.0:5004?sound=flac&sound_port=6000", Err("expected aac, opus, mp2, ac3, l16 or l24 for sound")),
    ("rtp://0.0.0.0:5004?sound=opus&sound_port=5005", Err("expected a port two or more from the picture's")),
    ("rtp://0.0.0.0:5004?sound_config=xyz", Err("expected AAC's configuration in hexadecimal digits")),
    ("rist://0.0.0.0:5001", Err("expected an even port")),
    ("rist://0.0.0.0:5000?secret=hunter22", Err("has the options iface and latency, each once; found \"secret\"")),
    ("rtmp://host/hunter22", Err("expected an application and a stream")),
    ("rtmp://ho;st/live/x", Err("expected a host name or address in a rtmp source")),
    ("v4l2:///etc/passwd", Err("expected a device, as in v4l2:///dev/video0")),
    ("v4l2:///dev/video0/../../etc/passwd", Err("expected a device")),
    ("v4l2:///dev/video", Err("expected a device")),
    ("v4l2:///dev/video0?size=big", Err("expected a size as 1920x1080 for size")),
    ("v4l2:///dev/video0?fps=0", Err("expected a rate as 50 or 30000/1001 for fps")),
    ("v4l2:///dev/video0?format=png", Err("expected raw, mjpeg or h264 for format")),
    ("decklink://first", Err("expected the number of an input, as in decklink://0")),
    ("decklink://0?mode=4k", Err("expected auto, or a format as 1080i50")),
    ("decklink://0?channels=5", Err("expected 2, 8 or 16 for channels")),
    ("ndi://", Err("expected a sender's name")),
    ("ndi://x?bandwidth=1", Err("a ndi source has the options none")),
    ("SRT://host:1", Err("found SRT://")),
    ("exec:sh://x", Err("found something else")),
    ("concat://a|b", Err("found concat://")),
    ("srt://host", Err("expected a port in a srt source; found none")),
    ("srt://:7001?mode=listener", Err("expected a host name or address in a srt source; found none")),
    ("srt://host:70000", Err("expected a port from 1 to 65535")),
    (
        "srt://host:7001?mode=both",
        Err("expected caller, listener or rendezvous for mode of a srt source; found \"both\""),
    ),
    ("srt://host:7001?mode=listener", Err("expected an address of this machine")),
    ("srt://0.0.0.0:7001", Err("expected mode=listener with 0.0.0.0")),
    ("srt://host:7001?latency=-1", Err("expected 20 to 8000 (milliseconds) for latency")),
    (
        "srt://host:7001?passphrase=short",
        Err("expected 10 to 79 characters for passphrase of a srt source; found 5 of them"),
    ),
    ("srt://host:7001?pbkeylen=16", Err("expected a passphrase as well for pbkeylen")),
    (
        "srt://host:7001?adapter=eth0",
        Err("a srt source has the options mode, localport, passphrase, pbkeylen, streamid and latency, each once; \
             found \"adapter\""),
    ),
    ("srt://host:7001?latency=80&latency=90", Err("found \"latency twice\"")),
    ("srt://host:7001?streamid=a%00b", Err("expected percent-encoded UTF-8 for streamid")),
    ("srt://host:7001/live", Err("expected no path")),
    ("srt://me:hunter22@host:7001", Err("expected no user or password")),
    ("srt://ho st:7001", Err("expected no spaces")),
    ("udp://camera:5000", Err("expected an IP address")),
    ("udp://10.0.0.1:5000?iface=eth0", Err("expected a multicast group or 0.0.0.0 as the address")),
    ("udp://239.1.2.3:5000?iface=../../x", Err("expected a network interface's name")),
    ("rtsp://cam/x?transport=quic", Err("expected tcp, udp or auto for transport of a rtsp source; found \"quic\"")),
    ("rtsp://cam/x?transport=tcp&transport=udp", Err("found \"transport twice\"")),
    ("rtsps://cam/x?transport=udp", Err("expected tcp for transport of a rtsps source")),
    ("rtsp:///x", Err("expected a host name or address")),
    ("rtsp://me:hunter22@ca;m/x", Err("expected a host name or address in a rtsp source; found something else")),
    ("rtsp://me:hun%ZZter22@cam/x", Err("expected percent-encoded UTF-8 as user:password")),
    ("rtmp://0.0.0.0/live/main?mode=listener", Err("expected a secret of 8 to 128 characters")),
    (
        "rtmp://0.0.0.0/live/main?mode=listener&key=hunter2",
        Err("8 to 128 characters for key of a rtmp source; found 7 of them"),
    ),
    ("rtmp://0.0.0.0/main?mode=listener&key=hunter22", Err("as in /live/main")),
    ("rtmp://0.0.0.0/live/..%2fx?mode=listener&key=hunter22", Err("as in /live/main")),
    ("rtmp://encoder/live/main?mode=listener&key=hunter22", Err("expected an address of this machine")),
    ("rtmp://me:hunter22@0.0.0.0/live/main?mode=listener", Err("expected no user or password")),
    ("whip:///main?key=hunter22", Err("expected no path")),
    ("whip://host?key=hunter22", Err("expected an address of this machine")),
    ("whip://?token=hunter22", Err("a whip source has the options key, each once; found \"token\"")),
    ("file://etc/x.mp4", Err("expected an absolute path")),
    ("file:///etc/passwd", Err("expected a name that ends in ts, mts, m2ts, mp4, mov, m4v or mkv")),
    ("file:///a.mp4?loop=maybe", Err("expected true or false for loop")),
    ("file:///a%00.mp4", Err("expected an absolute path")),
];

#[test]
fn every_address_is_read_or_refused_with_one_line() {
    for (address, expected) in CASES {
        match (Source::parse(address), expected) {
            (Ok(source), Ok(shown)) => assert_eq!(source.to_string(), *shown),
            (Err(error), Err(text)) => {
                let error = error.to_string();
                assert!(error.contains(text), "{address}: expected \"{text}\" in \"{error}\"");
                assert!(!error.contains('\n'), "{address}");
                assert!(!error.contains("hunter"), "{error} tells a password");
            }
            (found, _) => panic!("{address}: expected {expected:?}, found {found:?}"),
        }
    }
}

#[test]
fn secrets_do_not_show() {
    let source = Source::parse("rtsp://admin:hunter22@cam/x?token=s3cr3t&transport=tcp").expect("a source");
    for text in [
        format!("{source}"),
        format!("{source:?}"),
        source.scrub("cannot open rtsp://admin:hunter22@cam/x?token=s3cr3t"),
    ] {
        assert!(!text.contains("hunter22") && !text.contains("s3cr3t") && !text.contains("admin"), "{text}");
    }
    let source = Source::parse("rtsp://cam/user=admin&password=hunter22/a.sdp").expect("a source");
    assert_eq!(source.scrub("no rtsp://cam/user=admin&password=hunter22/a.sdp"), "no rtsp://cam/***/a.sdp");
    let source = Source::parse("srt://h:1?passphrase=correcthorse&streamid=battery").expect("a source");
    assert_eq!(source.scrub("correcthorse battery staple"), "*** *** staple");
    // A short one is a part of other words, and may stand beside anything but a letter or digit.
    let source = Source::parse("rtsp://in:pa55@cam/x").expect("a source");
    assert_eq!(source.scrub("nothing listens: pa55, in:pa55@cam, pa551"), "nothing listens: ***, ***:***@cam, pa551");
}

#[test]
fn a_network_of_mapped_addresses_is_the_network_that_it_maps() {
    let limits = Limits::new(&[], vec!["::ffff:10.0.0.0/104".parse().expect("a network")]).expect("limits");
    for (ip, allowed) in [("10.1.2.3", true), ("::ffff:10.1.2.3", true), ("11.0.0.1", false), ("::1", false)] {
        assert_eq!(limits.check(ip.parse().expect("an address")).is_ok(), allowed, "{ip}");
    }
}

/// What may be called: an address of the source, and what is said of it.
const REACHES: &[(&str, Result<(), &str>)] = &[
    ("srt://10.1.2.3:7001", Ok(())),
    ("srt://192.168.0.1:7001", Err("192.168.0.1 is in none of the `networks` of [capture]")),
    ("srt://[::ffff:192.168.0.1]:7001", Err("192.168.0.1 is in none of the `networks`")),
    ("srt://[::ffff:10.1.2.3]:7001", Ok(())),
    ("srt://0.0.0.0:7001?mode=listener", Ok(())),
    ("udp://239.1.1.1:5000", Ok(())),
    ("rtsp://[fd00::1]/x", Ok(())),
    ("rtsp://[fe80::1]/x", Err("fe80::1 is in none")),
    ("rtsp://169.254.169.254/latest", Err("169.254.169.254 is in none")),
    ("rtsp://a-name/x", Ok(())),
    ("rtsps://10.0.0.1/x", Err("rtsps cannot be held to the `networks` of [capture]: use rtsp")),
    ("rtmps://10.0.0.1/live/x", Err("rtmps cannot be held to the `networks`")),
    ("rtmp://8.8.8.8/live/x", Err("8.8.8.8 is in none")),
    ("ndi://TRUCK", Err("use ndi://host:port")),
    ("ndi://10.0.0.1:5961", Ok(())),
];

#[test]
fn networks_are_checked_as_soon_as_the_address_tells() {
    let networks = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().expect("a network"));
    let limits = Arc::new(Limits::new(&[], networks.into()).expect("limits"));
    for (address, expected) in REACHES {
        let source = Source::parse(address).expect("a source").limited(&limits).map(|_| ()).map_err(|e| e.to_string());
        match (&source, expected) {
            (Ok(()), Ok(())) => {}
            (Err(error), Err(text)) if error.contains(text) => {}
            _ => panic!("{address}: expected {expected:?}, found {source:?}"),
        }
    }
    assert_eq!(limits.resolve("10.1.1.1", 80).map(|at| at.to_string()), Ok("10.1.1.1:80".into()));
    // Names are checked when they are resolved.
    assert!(matches!(limits.resolve("localhost", 80), Err(LimitError::Network(ip)) if ip.is_loopback()));
}

#[test]
fn files_are_opened_in_their_folders_and_nowhere_else() {
    let root = tempfile::tempdir().expect("a folder");
    let at = |path: &str| root.path().join(path);
    std::fs::create_dir_all(at("media/inner")).expect("folders");
    std::fs::create_dir_all(at("media2")).expect("folders");
    for path in ["media/a.ts", "media/inner/b.ts", "media2/c.ts", "secret.ts"] {
        std::fs::write(at(path), path).expect("a file");
    }
    let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, at(name)).expect("a link");
    link("../secret.ts", "media/out.ts");
    link("inner/b.ts", "media/in.ts");
    link("..", "media/up");
    link("media", "alias");
    let limits = Limits::new(&[at("alias")], Vec::new()).expect("limits");
    let opened = |path: &str| limits.open(&at(path)).map(|file| std::io::read_to_string(file).expect("text"));
    assert_eq!(opened("media/a.ts").expect("inside"), "media/a.ts");
    assert_eq!(opened("alias/a.ts").expect("by the folder's other name"), "media/a.ts");
    assert_eq!(opened("media/in.ts").expect("a link inside"), "media/inner/b.ts");
    assert_eq!(opened("media/inner/../a.ts").expect("up and down inside"), "media/a.ts");
    for path in
        ["media2/c.ts", "secret.ts", "media/out.ts", "media/../secret.ts", "media/up/secret.ts", "media/up/x.ts"]
    {
        assert!(matches!(opened(path), Err(LimitError::Outside(_))), "{path}: {:?}", opened(path));
    }
    for (path, why) in
        [("media/none.ts", "is not there"), ("media/inner", "is no file"), ("media/a.ts/x.ts", "is not there")]
    {
        assert!(opened(path).is_err_and(|e| e.to_string().contains(why)), "{path}: {:?}", opened(path));
    }
    // What was inside when it was checked, and leads out when it is opened.
    std::fs::remove_file(at("media/in.ts")).expect("a link");
    link("../secret.ts", "media/in.ts");
    assert!(opened("media/in.ts").is_err());
    let none = Limits::default();
    assert!(matches!(none.open(&at("media/a.ts")), Err(LimitError::Outside(_))), "no folder, no file");
    assert!(matches!(Limits::new(&[PathBuf::from("/nowhere")], Vec::new()), Err(LimitError::NoFolder(_))));
}

const SCHEMES: &str = "(srt|udp|rtp|rist|rtsp|rtsps|rtmp|rtmps|http|https|v4l2|decklink|ndi|file)?";

proptest! {
    #[test]
    fn any_text_is_read_or_refused(scheme in SCHEMES, rest in "(://)?[ -~é\\x00]{0,60}") {
        let text = scheme + &rest;
        if let Ok(source) = Source::parse(&text) {
            prop_assert!(!source.to_string().is_empty());
        }
    }

    #[test]
    fn what_is_shown_never_contains_the_password(password in "[a-z0-9]{12,20}", path in "[a-z]{1,10}") {
        for address in [format!("rtsp://u:{password}@host/{path}?transport=bad"), format!("srt://host:1?passphrase={password}&x=1"),
            format!("rtsp://u:{password}@host/{path}?k={password}"),
            format!("rtmp://host/{path}/{password}"), format!("rtmp://u:{password}@host/{path}"),
            format!("https://u:{password}@host/{path}.m3u8?token={password}"), format!("rist://u:{password}@0.0.0.0:2"),
            format!("ndi://u:{password}@host"), format!("v4l2://u:{password}@x/dev/video0"), format!("decklink://{password}"), format!("srt://u:{password}@host:1"), format!("u:{password}@host://x")] {
            let shown = match Source::parse(&address) {
                Ok(source) => format!("{source} {source:?}"),
                Err(error) => format!("{error} {error:?}"),
            };
            prop_assert!(!shown.contains(&password), "{}", shown);
        }
    }
}
