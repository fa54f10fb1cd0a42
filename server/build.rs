//! The pages are built before the binary, by `make`; without them there would be nothing to embed.

fn main() {
    println!("cargo:rerun-if-changed=../player-web/dist");
    if !std::path::Path::new("../player-web/dist/index.html").exists() {
        println!("cargo:error=player-web/dist is missing: run `make web` first, or `make run`, which does everything");
    }
}
