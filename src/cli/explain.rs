//! `bespoke explain`: what a code of findings means.

use super::args::ExplainArgs;
use super::commands::print;
use crate::diagnostic::{Code, Severity, explain as explained, page};
use crate::suggest;
use anyhow::Context;
use serde_json::{Value, json};
use std::process::ExitCode;

/// The exit code for wrong usage, as clap's.
const USAGE: u8 = 2;

/// Prints one code, or all of them.
pub(super) fn explain(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let codes = match args.code.as_deref() {
        Some(text) => match text.parse::<Code>() {
            Ok(code) => vec![code],
            Err(error) => {
                let known = Code::ALL.iter().map(|code| code.as_str());
                let question = suggest::did_you_mean(text, known);
                let help = question.as_deref().unwrap_or("`bespoke explain` lists all codes");
                eprintln!("error: {error}; {help}");
                return Ok(ExitCode::from(USAGE));
            }
        },
        None => Code::ALL.to_vec(),
    };
    let text = if args.json {
        let codes: Vec<Value> = codes.into_iter().map(value).collect();
        // With a code, one object; without one, a list.
        let value =
            if args.code.is_some() { codes.into_iter().next().unwrap_or_default() } else { Value::Array(codes) };
        serde_json::to_string_pretty(&value).context("the codes as JSON")? + "\n"
    } else if args.markdown {
        page()
    } else if args.code.is_some() {
        codes.into_iter().map(explained).collect()
    } else {
        codes.into_iter().map(|code| format!("{code}  {}\n", code.title())).collect()
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn value(code: Code) -> Value {
    let severity = match code.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    json!({ "code": code.as_str(), "severity": severity, "title": code.title(), "explanation": code.explanation() })
}
