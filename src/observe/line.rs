//! The format of a log line as JSON: timestamp, level, the fields of the event, and target.
//!
//! `tracing-subscriber` has such a format, but it is made for events within spans. This program has no spans and logs a
//! line for each request, for which that format would take many times the instructions.

use humantime_serde::re::humantime::format_rfc3339_seconds;
use std::cell::Cell;
use std::fmt::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// The longest line whose buffer is kept for the next line of the thread, in bytes.
const MAX_KEPT: usize = 4_096;

/// The format of [`crate::config::LogFormat::Json`].
#[derive(Debug)]
pub(super) struct JsonLine;

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        // The line is built here and written at once, because each call of the writer is a dynamic call.
        let mut line = Line { text: ROOM.take(), result: Ok(()) };
        let metadata = event.metadata();
        line.text.push_str(r#"{"timestamp":""#);
        line.timestamp(SystemTime::now())?;
        line.text.push_str(r#"","level":""#);
        line.text.push_str(metadata.level().as_str());
        line.text.push('"');
        event.record(&mut line);
        line.result?;
        line.text.push_str(r#","target":"#);
        string(&mut line.text, metadata.target());
        line.text.push_str("}\n");
        let written = writer.write_str(&line.text);
        if line.text.capacity() <= MAX_KEPT {
            line.text.clear();
            ROOM.set(line.text);
        }
        written
    }
}

struct Line {
    text: String,
    result: fmt::Result,
}

/// A second since 1970, and its text, which is the beginning of a timestamp: `2026-11-21T16:33:58`.
type Second = (u64, [u8; 19]);

thread_local! {
    /// The empty buffer that is kept. A line that is made while another line is being made, as by a value that logs,
    /// gets a new buffer.
    static ROOM: Cell<String> = const { Cell::new(String::new()) };
    /// The last second that was written; most lines are of the same second as the line before.
    static SECOND: Cell<Second> = const { Cell::new((0, *b"1970-01-01T00:00:00")) };
}

impl Line {
    /// Writes a timestamp in UTC, with microseconds (RFC 3339).
    fn timestamp(&mut self, now: SystemTime) -> fmt::Result {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (mut second, mut text) = SECOND.get();
        if second != now.as_secs() {
            second = now.as_secs();
            let formatted = format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(second)).to_string();
            text = formatted.as_bytes().first_chunk().copied().ok_or(fmt::Error)?;
            SECOND.set((second, text));
        }
        self.text.push_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?);
        let mut fraction = *b".000000Z";
        let mut micros = now.subsec_micros();
        for digit in fraction[1..7].iter_mut().rev() {
            *digit += (micros % 10) as u8;
            micros /= 10;
        }
        self.text.push_str(std::str::from_utf8(&fraction).map_err(|_| fmt::Error)?);
        Ok(())
    }

    /// Writes the name of a field. Names are in our own code and need no escapes.
    fn name(&mut self, field: &Field) -> &mut String {
        self.text.push_str(",\"");
        self.text.push_str(field.name());
        self.text.push_str("\":");
        &mut self.text
    }
}

impl Visit for Line {
    fn record_f64(&mut self, field: &Field, value: f64) {
        float(self.name(field), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.name(field).push_str(itoa::Buffer::new().format(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.name(field).push_str(itoa::Buffer::new().format(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.name(field).push_str(if value { "true" } else { "false" });
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        string(self.name(field), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = self.name(field);
        text.push('"');
        let result = write!(Escaped(text), "{value:?}");
        text.push('"');
        self.result = self.result.and(result);
    }
}

/// Writes a number. JSON has no infinity and no NaN, so these become `null`.
fn float(to: &mut String, value: f64) {
    let tenths = (value * 10.0).round();
    if (0.0..1e15).contains(&tenths) && tenths / 10.0 == value && value.is_sign_positive() {
        // Times in log lines have this form: the shortest text for the number has one digit after the point.
        let tenths = tenths as u64;
        to.push_str(itoa::Buffer::new().format(tenths / 10));
        to.push('.');
        to.push_str(itoa::Buffer::new().format(tenths % 10));
    } else if value.is_finite() {
        // Writing to a string cannot fail.
        let _ = write!(to, "{value:?}");
    } else {
        to.push_str("null");
    }
}

/// Writes a string in quotes (RFC 8259 §7).
fn string(to: &mut String, text: &str) {
    to.push('"');
    escaped(to, text);
    to.push('"');
}

/// A writer that escapes everything that is written to it.
struct Escaped<'e>(&'e mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escaped(self.0, text);
        Ok(())
    }
}

fn escaped(to: &mut String, text: &str) {
    // The loop has no early exit, so the compiler can check many bytes at once.
    if !text.bytes().fold(false, |found, byte| found | needs_escape(byte)) {
        return to.push_str(text);
    }
    let mut rest = text;
    while let Some(at) = rest.bytes().position(needs_escape) {
        to.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => to.push_str("\\\""),
            b'\\' => to.push_str("\\\\"),
            b'\n' => to.push_str("\\n"),
            byte => {
                // Writing to a string cannot fail.
                let _ = write!(to, "\\u{byte:04x}");
            }
        }
        rest = &rest[at + 1..];
    }
    to.push_str(rest);
}

fn needs_escape(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::sync::{Arc, Mutex};

    /// The lines that a subscriber with this format writes while `log` runs.
    fn logged(log: impl FnOnce()) -> Vec<Value> {
        let text = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&text);
        let subscriber =
            tracing_subscriber::fmt().event_format(JsonLine).with_writer(move || Sink(Arc::clone(&sink))).finish();
        tracing::subscriber::with_default(subscriber, log);
        let text = text.lock().expect("no panic").clone();
        text.split_inclusive(|&byte| byte == b'\n').map(|line| serde_json::from_slice(line).expect("JSON")).collect()
    }

    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn fields_keep_their_types() {
        let lines = logged(|| {
            let none: Option<&str> = None;
            tracing::warn!(target: "t", a = 1, b = -2, c = 0.5, d = true, e = "x", f = none, g = ?"y", h = f64::NAN, "m");
            tracing::info!(error = %"why", "n");
        });
        let mut first = lines[0].clone();
        let timestamp = first.as_object_mut().and_then(|line| line.remove("timestamp")).expect("a timestamp");
        assert!(timestamp.as_str().is_some_and(|text| text.len() == 27), "{timestamp}");
        let expected = json!({
            "level": "WARN", "message": "m", "target": "t",
            "a": 1, "b": -2, "c": 0.5, "d": true, "e": "x", "g": "\"y\"", "h": null,
        });
        assert_eq!(first, expected);
        assert_eq!((&lines[1]["error"], &lines[1]["message"]), (&json!("why"), &json!("n")));
    }

    #[test]
    fn timestamps_are_those_of_humantime() {
        for micros in [0, 1, 999_999, 1_000_000, 1_795_278_838_000_042, 1_795_278_838_999_999, 1_795_278_839_000_000] {
            let then = UNIX_EPOCH + Duration::from_micros(micros);
            let mut line = Line { text: String::new(), result: Ok(()) };
            line.timestamp(then).expect("a timestamp");
            assert_eq!(line.text, humantime_serde::re::humantime::format_rfc3339_micros(then).to_string());
        }
    }

    proptest! {
        #[test]
        fn floats_read_as_what_they_are(value in prop_oneof![any::<f64>(), (0u64..1 << 50).prop_map(|n| n as f64 / 10.0)]) {
            let mut text = String::new();
            float(&mut text, value);
            prop_assert_eq!(text, if value.is_finite() { format!("{value:?}") } else { "null".to_owned() });
        }

        #[test]
        fn any_text_stays_one_line_of_json(text in any::<String>()) {
            let lines = logged(|| tracing::info!(text, "m"));
            prop_assert_eq!(lines.len(), 1);
            prop_assert_eq!(lines[0]["text"].as_str(), Some(text.as_str()));
        }
    }
}
