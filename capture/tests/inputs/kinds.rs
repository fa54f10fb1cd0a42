//! SRT rendezvous, RIST, RTP, multicast and RTMP: ladder, sound and passthrough of each.

use capture::Output;

use crate::{
    protocols::{check, everything},
    publisher::{Publisher, port},
    start_with_sound,
};

/// A live picture and a tone, as GStreamer's encoders send them; `p.` and `s.` are where they come out.
const PICTURE: &str = "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=180,framerate=25/1 \
                       ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 threads=1";
const TONE: &str = "audiotestsrc is-live=true samplesperbuffer=480 ! audio/x-raw,rate=48000,channels=2";

/// An even port, with its neighbour: RTP's and RTCP's.
pub fn even_port() -> u16 {
    loop {
        let port = port();
        if port.is_multiple_of(2) && std::net::UdpSocket::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
}

#[test]
fn srt_rendezvous_with_srt_live_transmit() {
    let (udp, ours, theirs) = (port(), port(), port());
    let address = format!("srt://127.0.0.1:{theirs}?mode=rendezvous&localport={ours}");
    let (_camera, recorder) = start_with_sound(everything("rendezvous"), &address);
    let target = format!("srt://127.0.0.1:{ours}?mode=rendezvous&port={theirs}");
    let _relay =
        Publisher::start("srt-live-transmit", "srt-tools", &["-q", &format!("udp://127.0.0.1:{udp}"), &target]);
    let _publisher = Publisher::ffmpeg(&["-f", "mpegts", &format!("udp://127.0.0.1:{udp}?pkt_size=1316")]);
    check(&recorder, false);
}

#[test]
fn rist_from_gstreamer() {
    let port = even_port();
    let (_camera, recorder) = start_with_sound(everything("rist"), &format!("rist://127.0.0.1:{port}"));
    let _publisher = Publisher::gst(&format!(
        "{PICTURE} ! mpegtsmux name=m alignment=7 ! rtpmp2tpay ! ristsink address=127.0.0.1 port={port} \
         {TONE} ! avenc_aac ! m."
    ));
    // What it holds back at the start is taken out of its delay over two seconds, frames a tenth shorter.
    recorder.wait("six seconds of pictures", 40, |log| log.count(Output::Source) > 150);
    check(&recorder, false);
}

#[test]
fn a_transport_stream_over_rtp_from_ffmpeg() {
    let port = even_port();
    let (_camera, recorder) = start_with_sound(everything("rtp-ts"), &format!("rtp://127.0.0.1:{port}"));
    let _publisher = Publisher::ffmpeg(&["-f", "rtp_mpegts", &format!("rtp://127.0.0.1:{port}?pkt_size=1328")]);
    check(&recorder, false);
}

#[test]
fn h264_and_aac_over_rtp_from_ffmpeg() {
    let (picture, sound) = (even_port(), even_port());
    let options = format!("codec=h264&sound=aac&sound_port={sound}&sound_config=1190");
    let (_camera, recorder) = start_with_sound(everything("rtp-h264"), &format!("rtp://127.0.0.1:{picture}?{options}"));
    let coding = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-map", "0:v"];
    let to = format!("rtp://127.0.0.1:{picture}");
    let and = format!("rtp://127.0.0.1:{sound}");
    let rest = ["-f", "rtp", &to, "-map", "1:a", "-c:a", "aac", "-ac", "2", "-f", "rtp", &and];
    let _publisher = Publisher::ffmpeg_with(&coding, &rest);
    check(&recorder, true);
}

#[test]
fn h264_and_opus_over_rtp_from_gstreamer() {
    let (picture, sound) = (even_port(), even_port());
    let options = format!("codec=h264&sound=opus&sound_port={sound}");
    let (_camera, recorder) = start_with_sound(everything("rtp-opus"), &format!("rtp://127.0.0.1:{picture}?{options}"));
    let _publisher = Publisher::gst(&format!(
        "{PICTURE} ! rtph264pay config-interval=1 pt=96 ! udpsink host=127.0.0.1 port={picture} \
         {TONE} ! opusenc ! rtpopuspay pt=97 ! udpsink host=127.0.0.1 port={sound}"
    ));
    check(&recorder, true);
}

#[test]
fn a_multicast_group_is_joined_on_the_interface_that_is_named() {
    let port = port();
    let group = format!("239.77.{}.{}", port / 256, port % 256);
    let (_camera, recorder) = start_with_sound(everything("multicast"), &format!("udp://{group}:{port}?iface=lo"));
    let target = format!("udp://{group}:{port}?pkt_size=1316&ttl=0&localaddr=127.0.0.1");
    let _publisher = Publisher::ffmpeg(&["-f", "mpegts", &target]);
    check(&recorder, false);
}

#[test]
fn packets_come_in_by_the_interface_that_is_named() {
    let port = port();
    let (_camera, recorder) = start_with_sound(everything("unicast"), &format!("udp://0.0.0.0:{port}?iface=lo"));
    let _publisher = Publisher::ffmpeg(&["-f", "mpegts", &format!("udp://127.0.0.1:{port}?pkt_size=1316")]);
    check(&recorder, false);
}

#[test]
fn rtmp_is_pulled_from_nginx() {
    let (folder, port) = (tempfile::tempdir().expect("a folder"), port());
    let _server = Publisher::rtmp_server(folder.path(), port);
    let _publisher = Publisher::ffmpeg(&["-f", "flv", &format!("rtmp://127.0.0.1:{port}/live/main")]);
    let address = format!("rtmp://127.0.0.1:{port}/live/main?token=x");
    let (_camera, recorder) = start_with_sound(everything("rtmp"), &address);
    check(&recorder, false);
}
