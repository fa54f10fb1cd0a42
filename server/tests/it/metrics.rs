//! `/metrics`, as Prometheus' own parser reads it.

use std::{
    collections::BTreeMap,
    io::Write,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::server::{Server, shared, until};

/// Reads the exposition with the Prometheus project's parser: `[name, labels, value]` for every sample.
const PARSER: &str = "
import json, sys
from prometheus_client.parser import text_string_to_metric_families
text = sys.stdin.read()
print(json.dumps([[s.name, s.labels, s.value] for f in text_string_to_metric_families(text) for s in f.samples]))
";

/// Name, labels and value.
type Sample = (String, BTreeMap<String, String>, f64);

/// The server's samples.
pub fn samples(server: &Server) -> Vec<Sample> {
    let answer = server.get("/metrics");
    assert_eq!(answer.status, 200);
    assert!(
        answer.header("content-type").starts_with("text/plain; version=0.0.4"),
        "{}",
        answer.header("content-type")
    );
    let mut parser = Command::new("/usr/bin/python3")
        .args(["-c", PARSER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 (apt packages python3, python3-prometheus-client)");
    parser.stdin.take().unwrap().write_all(&answer.body).unwrap();
    let read = parser.wait_with_output().unwrap();
    assert!(read.status.success(), "{}", answer.text());
    serde_json::from_slice(&read.stdout).unwrap()
}

/// One camera's value.
pub fn of_camera(server: &Server, name: &str, camera: &str) -> Option<f64> {
    let of = |labels: &BTreeMap<String, String>| labels.get("camera").is_some_and(|c| c == camera);
    samples(server).into_iter().find(|(n, labels, _)| n == name && of(labels)).map(|(_, _, value)| value)
}

#[test]
fn every_camera_is_measured() {
    let server = shared();
    let cameras: Vec<String> = server.get("/api/v1/cameras").json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["id"].as_str().unwrap().to_owned())
        .collect();
    for camera in &cameras {
        let frames = of_camera(server, "virage_camera_frames_total", camera).unwrap();
        until("more frames", || {
            (of_camera(server, "virage_camera_frames_total", camera)? > frames + 10.0).then_some(())
        });
        assert!(of_camera(server, "virage_camera_lateness_seconds", camera).unwrap().abs() < 5.0);
    }
    let all = samples(server);
    let live =
        |(name, labels, value): &&Sample| name == "virage_camera_state" && labels["state"] == "live" && *value == 1.0;
    assert_eq!(all.iter().filter(live).count(), cameras.len());
    let value = |name: &str| all.iter().find(|(n, ..)| n == name).unwrap_or_else(|| panic!("no {name}")).2;
    assert!(value("process_resident_memory_bytes") > 10e6);
    assert!(value("process_cpu_seconds_total") > 0.0);
    let now = jiff::Timestamp::now().as_second() as f64;
    assert!(
        (0.0..3_600.0).contains(&(now - value("process_start_time_seconds"))),
        "{}",
        value("process_start_time_seconds")
    );
    for camera in &cameras {
        assert_eq!(of_camera(server, "virage_camera_connections_total", camera), Some(1.0), "{camera} went live once");
        assert_eq!(of_camera(server, "virage_camera_skew_warning", camera), Some(0.0), "{camera}");
    }
    assert!(value("process_open_fds") < value("process_max_fds"));
    assert!(!server.get("/metrics").text().contains(&server.token));
    // What nothing says is unknown, not 0: painted cameras send no capture time and have no clock.
    let of = |name: &str| all.iter().filter(|(n, ..)| n == name).count();
    assert_eq!((of("virage_camera_time_info"), of("virage_camera_skew_seconds")), (cameras.len(), 0));
    for camera in server.get("/api/v1/cameras").json()["items"].as_array().unwrap() {
        assert_eq!((&camera["time"], &camera["skew_ms"]), (&json!("arrival"), &Value::Null), "{camera}");
        assert_eq!((&camera["drift_ppm"], &camera["warning"]), (&Value::Null, &Value::Null), "{camera}");
    }
    // Nobody who asks for something makes a series of it.
    server.get("/live/nobody/index.m3u8?camera=nobody");
    let all = samples(server);
    let configured = |key: &str, value: &String| match key {
        "state" | "time" => true,
        "sound" => value == "ambient",
        "clock" => value == "system",
        _ => cameras.contains(value),
    };
    let known = |(_, labels, _): &Sample| labels.iter().all(|(key, value)| configured(key, value));
    assert!(all.iter().all(known), "{all:?}");
}
