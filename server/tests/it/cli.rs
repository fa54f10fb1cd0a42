//! What a wrong command line or configuration gets: file, line, and what was expected.

use std::process::Command;

use crate::server::{VIRAGE, shared};

const GOOD: &str = r#"[server]
listen = "127.0.0.1:0"
data = "data"
[venue]
name = "Stade"
fps = "25"
[[camera]]
id = "main"
source = "udp://127.0.0.1:7000"
bearing = 0
rungs = [{ height = 360, kbps = 800 }]
[[audio]]
id = "ambient"
camera = "main"
"#;

fn refusal(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("virage.toml");
    std::fs::write(&file, text).unwrap();
    let run = Command::new(VIRAGE).args(["serve", "--config"]).arg(&file).current_dir(folder.path()).output().unwrap();
    assert!(!run.status.success(), "{text}");
    assert!(!folder.path().join("data").exists(), "a refused configuration makes nothing");
    String::from_utf8(run.stderr).unwrap()
}

/// The mosaic's lines: its source is the third.
fn mosaic(source: &str, more: &str) -> String {
    format!("[[camera]]\nid = \"multiview\"\nsource = \"{source}\"\n{more}rungs = [{{ height = 360, kbps = 800 }}]\n")
}

/// So many cameras, of three lines each.
fn many(count: usize) -> String {
    (0..count).map(|n| format!("[[camera]]\nid = \"c{n}\"\nsource = \"udp://127.0.0.1:{}\"\n", 7100 + n)).collect()
}

#[test]
fn a_demo_names_the_flag_that_is_wrong() {
    for (args, says) in [
        (&["--fps", "abc"][..], "virage: --fps: "),
        (&["--fps", "0"], "virage: --fps: "),
        (&["--part-frames", "9999"], "virage: --part-frames: "),
        (&["--cameras", "99"], "virage: --cameras: "),
    ] {
        let run = Command::new(VIRAGE).arg("demo").args(args).output().unwrap();
        let said = String::from_utf8(run.stderr).unwrap();
        assert!(!run.status.success() && said.contains(says) && !said.contains("demo:"), "{args:?}: {said}");
    }
}

#[test]
fn a_wrong_line_is_named_with_what_was_expected() {
    for (good, wrong, line, says) in [
        (r#"fps = "25""#, r#"fps = "fast""#, 6, "frame rate"),
        (r#"fps = "25""#, r#"fps = "0""#, 6, "1 to 240"),
        (r#"fps = "25""#, "fps = 25", 6, "`fps`: invalid type"),
        ("height = 360", "height = \"tall\"", 11, "expected a whole number"),
        (r#"name = "Stade""#, "name = \"Stade\"\ncolour = 3", 6, "colour"),
        (r#"listen = "127.0.0.1:0""#, r#"listen = "here""#, 2, "listen"),
        (r#"id = "main""#, r#"id = "Main Camera""#, 8, "a-z"),
        (r#"id = "main""#, r#"id = "audio""#, 8, "audio"),
        ("bearing = 0", "bearing = 400", 10, "0 to 359"),
        ("bearing = 0", "bearing = 0\noffset_ms = 99999", 11, "offset_ms"),
        ("bearing = 0", "bearing = 0\nmax_gop = 0.1", 11, "max_gop"),
        ("udp://127.0.0.1:7000", "exec:rm -rf /", 9, "srt://"),
        ("udp://127.0.0.1:7000", "srt://host:99999", 9, "port"),
        ("udp://127.0.0.1:7000", "srt://h:1?passphrase=tellnobody&pbkeylen=3", 9, "pbkeylen"),
        (
            "udp://127.0.0.1:7000",
            "file:///etc/x.ts",
            9,
            "camera \"main\", `source`: /etc/x.ts is in none of the folders",
        ),
        ("udp://127.0.0.1:7000", "rtmp://host/tellnobody", 9, "camera \"main\", `source`: expected an application"),
        ("[venue]", "[capture]\nfolders = [\"/nowhere\"]\n[venue]", 5, "/nowhere is not a folder"),
        ("[venue]", "[capture]\nfolders = [\"media\"]\n[venue]", 5, "expected `folders` as"),
        ("[venue]", "[capture]\nnetworks = [\"10.0.0.0/33\"]\n[venue]", 5, "expected `networks` as"),
        ("height = 360", "height = 361", 11, "even"),
        ("kbps = 800", "kbps = 1", 11, "kbps"),
        (r#"camera = "main""#, r#"camera = "mian""#, 14, "mian"),
        (r#"camera = "main""#, "", 13, "either"),
        ("[[audio]]", "[[audio", 12, "expected"),
        ("[venue]", "[theme]\naccent = \"#101010\"\n[venue]", 5, "contrast"),
        ("[venue]", "[venue]\nring = \"soon\"", 5, "ring"),
        ("[venue]", "[capture]\nencoder = \"h265\"\n[venue]", 5, "auto, nvenc, vaapi, qsv, x264 or openh264"),
        ("[venue]", "[venue]\npreset = \"medium\"", 5, "superfast"),
        ("bearing = 0", "bearing = 0\ntime = \"gps\"", 11, "arrival"),
        ("[venue]", "[capture]\nclock = \"gps\"\n[venue]", 5, "ntp://"),
        ("udp://127.0.0.1:7000", "multiview://auto", 9, "only the camera \"multiview\""),
        (r#"id = "main""#, r#"id = "multiview""#, 9, "multiview://auto"),
        (
            "[[audio]]",
            &(mosaic("multiview://5x5", "") + "[[audio]]"),
            14,
            "multiview://2x2, multiview://3x3 or multiview://4x4",
        ),
        ("[[audio]]", &(mosaic("multiview://auto", "bearing = 0\n") + "[[audio]]"), 15, "a mosaic has no `bearing`"),
        ("[[audio]]", &(mosaic("multiview://auto", "").replace("rungs", "#") + "[[audio]]"), 13, "one at least"),
        (
            "[[audio]]",
            &(many(4) + &mosaic("multiview://2x2", "") + "[[audio]]"),
            26,
            "room for 5 cameras, as multiview://3x3",
        ),
        (
            "[[audio]]",
            &(many(16) + &mosaic("multiview://auto", "") + "[[audio]]"),
            62,
            "no more than 16 cameras beside it; found 17",
        ),
        (r#"camera = "main""#, &format!("camera = \"multiview\"\n{}", mosaic("multiview://auto", "")), 14, "no sound"),
        ("[venue]", "[capture]\nreference = \"nobody\"\n[venue]", 5, "nobody"),
        (r#"id = "ambient""#, "id = \"ambient\"\ngroup = \"Same Desk\"", 14, "group"),
        (r#"camera = "main""#, "source = \"udp://127.0.0.1:7001\"\noffset_ms = 99999", 15, "offset_ms"),
        (r#"camera = "main""#, "camera = \"main\"\noffset_ms = 100", 15, "the camera's"),
        (
            "[[audio]]",
            "[[audio]]\nid = \"other\"\nname = \"ambient\"\nsource = \"udp://127.0.0.1:7001\"\n[[audio]]",
            17,
            "`name`",
        ),
        ("[[audio]]", "[[audio]]\nid = \"twice\"\ncamera = \"main\"\n[[audio]]", 16, "same camera"),
    ] {
        let text = GOOD.replace(good, wrong);
        assert_ne!(text, GOOD);
        let said = refusal(&text);
        assert!(said.contains(&format!("virage.toml:{line}: ")), "{wrong}: expected line {line}: {said}");
        assert!(said.to_lowercase().contains(&says.to_lowercase()), "{wrong}: expected {says:?}: {said}");
        assert!(!said.contains("tellnobody"), "{said}");
    }
}

#[test]
fn what_a_machine_can_do_is_listed() {
    let output = |args: &[&str]| {
        let run = Command::new(VIRAGE).args(args).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    };
    let list: serde_json::Value = serde_json::from_str(&output(&["sources", "--json"])).unwrap();
    let text = output(&["sources"]);
    let one = |list: &serde_json::Value, name: &str| {
        list.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}")).clone()
    };
    for scheme in ["srt", "udp", "rtp", "rist", "rtsp", "rtmp", "http(s)", "file"] {
        let source = one(&list["sources"], scheme);
        assert!(source["ready"] == true && source["tested"] == true, "{source}");
    }
    for codec in ["H.264", "H.265", "AV1", "MPEG-2"] {
        assert_eq!(one(&list["pictures"], codec)["ready"], true, "{codec}");
    }
    for codec in ["AAC", "Opus", "MP2", "AC-3"] {
        assert_eq!(one(&list["sounds"], codec)["ready"], true, "{codec}");
    }
    for encoder in ["x264", "openh264"] {
        let found = one(&list["encoders"], encoder);
        assert!(found["ready"] == true && found["tested"] == true, "{found}");
    }
    for (encoder, package) in [("nvenc", "libnvidia-encode1"), ("vaapi", "va-driver"), ("qsv", "libmfx1")] {
        let found = one(&list["encoders"], encoder);
        let named = found["missing"].to_string().contains(package);
        assert!(found["tested"] == false && found["ready"] == !named, "{found}");
    }
    let ndi = one(&list["sources"], "ndi");
    assert!(ndi["ready"] == false && ndi["missing"].to_string().contains("libndi.so"), "{ndi}");
    assert!(text.contains("missing: ") && text.contains("not covered by tests"), "{text}");
}

#[test]
fn what_cannot_start_says_why() {
    let server = shared();
    let output = |args: &[&str]| {
        let run = Command::new(VIRAGE).args(args).output().unwrap();
        assert!(!run.status.success());
        String::from_utf8(run.stderr).unwrap()
    };
    let busy = output(&["demo", "--listen", server.address(), "--data", "/nonexistent/data"]);
    assert!(busy.contains("cannot listen on"), "{busy}");
    let data = server.data();
    let taken =
        output(&["demo", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
    assert!(taken.contains("process"), "{taken}");
    let short = tempfile::tempdir().unwrap();
    std::fs::write(short.path().join("crew.token"), "letmein\n").unwrap();
    let at = short.path().to_str().unwrap();
    let token = output(&["demo", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--data", at]);
    assert!(token.contains("crew.token") && token.contains("20 characters"), "{token}");
    assert!(!token.contains("letmein"), "{token}");
    let many = output(&["demo", "--listen", "127.0.0.1:0", "--cameras", "99"]);
    assert!(many.contains("1 to 8"), "{many}");
    let nothing = output(&["serve", "--config", "/nonexistent.toml"]);
    assert_eq!(nothing.matches("No such file").count(), 1, "{nothing}");
    assert!(nothing.contains("/nonexistent.toml: cannot be read: No such file"), "{nothing}");
    let nobody = output(&["verify", "http://127.0.0.1:9/a.m3u8"]);
    assert_eq!(nobody.matches("refused").count(), 1, "{nobody}");
}
