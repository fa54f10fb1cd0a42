//! Which encoder is in use, and what becomes of encoders and of sources whose elements are missing.

use std::{net::UdpSocket, process::Command, sync::OnceLock};

use serde_json::json;

use crate::{
    inputs::port,
    players::plays_live,
    server::{Server, VIRAGE, end_with_us, shared, until},
};

/// One demo without x264 and without RIST for all tests here.
fn lacking() -> &'static Server {
    static LACKING: OnceLock<Server> = OnceLock::new();
    LACKING.get_or_init(|| {
        let server = Server::demo_without(&["libgstx264.so", "libgstrist.so"]);
        end_with_us(server.pid());
        server.wait_for_media(3);
        server
    })
}

#[test]
fn every_camera_shows_its_encoder() {
    let cameras = shared().get("/api/v1/cameras").json();
    for camera in cameras["items"].as_array().unwrap() {
        let encoder = camera["encoder"].as_str().unwrap();
        assert!(["nvenc", "vaapi", "qsv", "x264"].contains(&encoder), "{encoder}");
        assert_eq!(camera["encoder_tested"], encoder == "x264");
    }
}

#[test]
fn without_x264_the_ladder_is_encoded_by_openh264() {
    let server = lacking();
    let cameras = server.get("/api/v1/cameras").json();
    let encoder = cameras["items"][0]["encoder"].as_str().unwrap().to_owned();
    // Where there is a graphics processor it comes first.
    assert!(["nvenc", "vaapi", "qsv", "openh264"].contains(&encoder.as_str()), "{encoder}");
    if encoder == "openh264" {
        assert!(server.log().contains("x264enc"), "the log says what is missing: {}", server.log());
    }
    plays_live(&format!("{}/live/index.m3u8", server.url));
}

#[test]
fn a_named_encoder_that_is_missing_ends_the_start_with_field_and_package() {
    let folder = tempfile::tempdir().unwrap();
    let config = "[server]\nlisten = \"127.0.0.1:0\"\ndata = \"data\"\n[venue]\nname = \"Stade\"\nfps = \"25\"\n\
                  [capture]\nencoder = \"ENCODER\"\n[[camera]]\nid = \"main\"\nsource = \"udp://127.0.0.1:7000\"\n";
    let has = |element: &str| Command::new("gst-inspect-1.0").args(["--exists", element]).status().unwrap().success();
    let missing = [("nvenc", "nvh264enc", "libnvidia-encode1"), ("qsv", "qsvh264enc", "libmfx1")];
    let (encoder, element, package) = missing.into_iter().find(|(_, element, _)| !has(element)).unwrap();
    let file = folder.path().join("virage.toml");
    std::fs::write(&file, config.replace("ENCODER", encoder)).unwrap();
    let run = Command::new(VIRAGE).args(["serve", "--config"]).arg(&file).current_dir(folder.path()).output().unwrap();
    assert!(!run.status.success());
    let said = String::from_utf8(run.stderr).unwrap();
    let line = said.lines().last().unwrap();
    let field = format!("[capture] encoder = \"{encoder}\"");
    assert!(line.contains(&field) && line.contains(element) && line.contains(package), "{said}");
}

#[test]
fn a_source_whose_element_is_missing_does_not_leave_the_former_one_on_air() {
    let (server, port) = (lacking(), port());
    let at = "/api/v1/cameras/truck";
    let camera = |source: &str| json!({"id": "truck", "source": source, "rungs": [{"height": 90, "kbps": 100}]});
    let received = || UdpSocket::bind(("127.0.0.1", port)).is_err();
    let udp = camera(&format!("udp://127.0.0.1:{port}"));
    assert_eq!(server.crew("POST", "/api/v1/cameras", &udp).status, 201);
    until("the port is listened to", || received().then_some(()));
    let answer = server.crew("PUT", at, &camera("rist://127.0.0.1:7010"));
    assert_eq!((answer.status, &answer.json()["state"]), (200, &json!("refused")), "{}", answer.text());
    let why = answer.json()["message"].as_str().unwrap().to_owned();
    assert!(why.contains("ristsrc") && why.contains("gstreamer1.0-plugins-bad"), "{why}");
    // Its viewers would take what comes there for the other camera's.
    assert!(!received(), "the former source is still listened to");
    assert_eq!(server.crew("PUT", at, &udp).json()["state"], "connecting");
    until("the port is listened to again", || received().then_some(()));
    assert_eq!(server.crew("DELETE", at, &json!(null)).status, 204);
}
