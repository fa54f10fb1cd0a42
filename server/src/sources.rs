//! `virage sources`: what this machine can receive and encode, and what is missing for the rest.

use std::process::ExitCode;

use anyhow::Result;
use capture::{Ability, Survey};
use serde_json::{Value, json};

/// Prints what there is, for people or for programs.
///
/// # Errors
/// When GStreamer, or an element that every camera needs, is missing.
pub fn print(as_json: bool) -> Result<ExitCode> {
    capture::init()?;
    let survey = capture::survey();
    if as_json {
        println!("{:#}", object(&survey));
    } else {
        print!("{}", text(&survey));
    }
    Ok(ExitCode::SUCCESS)
}

fn object(survey: &Survey) -> Value {
    let list = |abilities: &[Ability]| -> Vec<Value> {
        let one = |a: &Ability| json!({"name": a.name, "ready": a.missing.is_empty(), "missing": a.missing, "tested": a.tested});
        abilities.iter().map(one).collect()
    };
    let (pictures, sounds) = (list(&survey.pictures), list(&survey.sounds));
    json!({"sources": list(&survey.sources), "pictures": pictures, "sounds": sounds, "encoders": list(&survey.encoders)})
}

fn text(survey: &Survey) -> String {
    let mut text = String::new();
    let lists = [
        ("Sources", &survey.sources),
        ("Pictures", &survey.pictures),
        ("Sounds", &survey.sounds),
        ("Encoders", &survey.encoders),
    ];
    for (title, abilities) in lists {
        text += &format!("{title}\n");
        for Ability { name, missing, tested } in abilities {
            let ready = if missing.is_empty() { "ready".into() } else { format!("missing: {}", missing.join("; ")) };
            let untested = if *tested { "" } else { " (not covered by tests)" };
            text += &format!("  {name:<9} {ready}{untested}\n");
        }
    }
    text
}
