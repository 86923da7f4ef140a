//! One log line as JSON: timestamp, level, the event's fields, target.
//!
//! `tracing-subscriber` has such a format, for events within spans; we have no spans, and each request logs a line, for
//! which that one takes four times the instructions.

use humantime_serde::re::humantime::format_rfc3339_micros;
use std::fmt::{self, Write};
use std::time::SystemTime;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// The format of [`super::LogFormat::Json`].
#[derive(Debug)]
pub(super) struct JsonLine;

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        writer.write_str(r#"{"timestamp":""#)?;
        write!(writer, "{}", format_rfc3339_micros(SystemTime::now()))?;
        let metadata = event.metadata();
        writer.write_str(r#"","level":""#)?;
        writer.write_str(metadata.level().as_str())?;
        writer.write_char('"')?;
        let mut fields = Fields { writer: writer.by_ref(), result: Ok(()) };
        event.record(&mut fields);
        fields.result?;
        writer.write_str(r#","target":"#)?;
        string(&mut writer, metadata.target())?;
        writer.write_str("}\n")
    }
}

struct Fields<'w> {
    writer: Writer<'w>,
    result: fmt::Result,
}

impl Fields<'_> {
    fn write(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.result.is_ok() {
            // Names are those of our own code, and need no escapes.
            let parts = [",\"", field.name(), "\":"];
            let named = parts.into_iter().try_for_each(|part| self.writer.write_str(part));
            self.result = named.and_then(|()| value(&mut self.writer));
        }
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.write(field, |to| if value.is_finite() { write!(to, "{value:?}") } else { to.write_str("null") });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.write(field, |to| write!(to, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.write(field, |to| write!(to, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.write(field, |to| write!(to, "{value}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.write(field, |to| string(to, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write(field, |to| {
            to.write_char('"')?;
            write!(Escaped(to), "{value:?}")?;
            to.write_char('"')
        });
    }
}

/// Writes a string in quotes (RFC 8259 §7).
fn string(to: &mut Writer<'_>, text: &str) -> fmt::Result {
    to.write_char('"')?;
    escaped(to, text)?;
    to.write_char('"')
}

/// Escapes whatever is written to it.
struct Escaped<'e, 'w>(&'e mut Writer<'w>);

impl fmt::Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escaped(self.0, text)
    }
}

fn escaped(to: &mut Writer<'_>, text: &str) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
        to.write_str(&rest[..at])?;
        match rest.as_bytes()[at] {
            byte @ (b'"' | b'\\') => write!(to, "\\{}", char::from(byte))?,
            b'\n' => to.write_str("\\n")?,
            byte => write!(to, "\\u{byte:04x}")?,
        }
        rest = &rest[at + 1..];
    }
    to.write_str(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::sync::{Arc, Mutex};

    /// What a subscriber with this format writes for what `log` logs.
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

    proptest! {
        #[test]
        fn any_text_stays_one_line_of_json(text in any::<String>()) {
            let lines = logged(|| tracing::info!(text, "m"));
            prop_assert_eq!(lines.len(), 1);
            prop_assert_eq!(lines[0]["text"].as_str(), Some(text.as_str()));
        }
    }
}
