use proptest::prelude::*;

use crate::Source;

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
    ("rtsps://cam/x", Ok("rtsps://cam/x")),
    ("file:///media/match%20day.mp4?loop=false", Ok("file:///media/match day.mp4")),
    ("file://localhost/media/match.TS", Ok("file:///media/match.TS")),
    ("", Err("expected srt://, udp://, rtsp://, rtsps:// or file://; found no scheme")),
    ("/etc/passwd", Err("found no scheme")),
    ("http://example.org/x.m3u8", Err("found http://")),
    ("SRT://host:1", Err("found SRT://")),
    ("exec:sh://x", Err("found something else")),
    ("concat://a|b", Err("found concat://")),
    ("srt://host", Err("expected a port in a srt source; found none")),
    ("srt://:7001?mode=listener", Err("expected a host name or address in a srt source; found none")),
    ("srt://host:70000", Err("expected a port from 1 to 65535")),
    (
        "srt://host:7001?mode=rendezvous",
        Err("expected caller or listener for mode of a srt source; found \"rendezvous\""),
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
        "srt://host:7001?localport=80",
        Err(
            "a srt source has the options mode, passphrase, pbkeylen, streamid and latency, each once; found \"localport\"",
        ),
    ),
    ("srt://host:7001?latency=80&latency=90", Err("found \"latency twice\"")),
    ("srt://host:7001?streamid=a%00b", Err("expected percent-encoded UTF-8 for streamid")),
    ("srt://host:7001/live", Err("expected no path")),
    ("srt://me:hunter22@host:7001", Err("expected no user or password")),
    ("srt://ho st:7001", Err("expected no spaces")),
    ("udp://camera:5000", Err("expected an IP address")),
    ("udp://0.0.0.0:5000?iface=eth0", Err("expected a multicast group as the address for iface")),
    ("udp://239.1.2.3:5000?iface=../../x", Err("expected a network interface's name")),
    ("rtsp://cam/x?transport=quic", Err("expected tcp, udp or auto for transport of a rtsp source; found \"quic\"")),
    ("rtsp://cam/x?transport=tcp&transport=udp", Err("found \"transport twice\"")),
    ("rtsps://cam/x?transport=udp", Err("expected tcp for transport of a rtsps source")),
    ("rtsp:///x", Err("expected a host name or address")),
    ("rtsp://me:hunter22@ca;m/x", Err("expected a host name or address in a rtsp source; found something else")),
    ("rtsp://me:hun%ZZter22@cam/x", Err("expected percent-encoded UTF-8 as user:password")),
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
    let source = Source::parse("srt://h:1?passphrase=correcthorse&streamid=battery").expect("a source");
    assert_eq!(source.scrub("correcthorse battery staple"), "*** *** staple");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(srt|udp|rtsp|rtsps|file|http)?(://)?[ -~é\\x00]{0,60}") {
        if let Ok(source) = Source::parse(&text) {
            prop_assert!(!source.to_string().is_empty());
        }
    }

    #[test]
    fn what_is_shown_never_contains_the_password(password in "[a-z0-9]{12,20}", path in "[a-z]{1,10}") {
        for address in [format!("rtsp://u:{password}@host/{path}?transport=bad"), format!("srt://host:1?passphrase={password}&x=1"),
            format!("rtsp://u:{password}@host/{path}?k={password}"), format!("srt://u:{password}@host:1"), format!("u:{password}@host://x")] {
            let shown = match Source::parse(&address) {
                Ok(source) => format!("{source} {source:?}"),
                Err(error) => format!("{error} {error:?}"),
            };
            prop_assert!(!shown.contains(&password), "{}", shown);
        }
    }
}
