//! Frames the JSON text of a response as one event of an event stream, or as one part of a multipart body.
//!
//! In: the text of a JSON object, with any white space. Out: the bytes of the event or part.
//!
//! Always true: no byte of the text ends its event or its part. A custom scalar is passed on as its service wrote it,
//! so an answer may have line breaks between its tokens; inside JSON strings they are escaped (RFC 8259 §7).
//!
//! # Source
//! HTML Standard §9.2.5 and §9.2.6 (event streams); RFC 2046 §5.1.1 (multipart).

use bytes::Bytes;

/// The event that ends an event stream.
pub(super) const COMPLETE: &[u8] = b"event: complete\ndata:\n\n";

/// Frames a text as an event `next`. Each line of the text becomes a field `data` of its own.
///
/// A line ends with LF, CR or CR LF, and the reader joins the lines by LF (§9.2.6).
pub(super) fn event(text: &[u8], is_last: bool) -> Bytes {
    let mut framed = Vec::with_capacity(text.len() + 64);
    framed.extend_from_slice(b"event: next\n");
    let mut rest = text;
    loop {
        let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
        framed.extend_from_slice(b"data: ");
        framed.extend_from_slice(line);
        framed.push(b'\n');
        rest = match after {
            [] => break,
            [b'\r', b'\n', after @ ..] | [_, after @ ..] => after,
        };
    }
    framed.push(b'\n');
    if is_last {
        framed.extend_from_slice(COMPLETE);
    }
    framed.into()
}

/// Frames a text as a part of a body whose boundary is `-`.
///
/// The text is put on one line. A delimiter stands at the beginning of a line, so the text, which begins with a brace,
/// cannot contain one.
pub(super) fn part(text: &[u8], is_first: bool, is_last: bool) -> Bytes {
    const TYPE: &[u8] = b"\r\ncontent-type: application/json; charset=utf-8\r\n\r\n";
    let before: &[u8] = if is_first { b"---" } else { b"" };
    // The next delimiter is sent with the part, because without it the client does not know that the part has ended.
    let after: &[u8] = if is_last { b"\r\n-----\r\n" } else { b"\r\n---" };
    let mut framed = Vec::with_capacity(text.len() + 80);
    framed.extend_from_slice(before);
    framed.extend_from_slice(TYPE);
    framed.extend(text.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }));
    framed.extend_from_slice(after);
    framed.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The data of all events `next`, read by the rules of §9.2.6.
    fn read_events(stream: &str) -> Vec<String> {
        let stream = stream.replace("\r\n", "\n").replace('\r', "\n");
        let (mut events, mut name, mut data) = (Vec::new(), String::new(), Vec::new());
        for line in stream.split('\n') {
            match line.split_once(':').map(|(field, value)| (field, value.strip_prefix(' ').unwrap_or(value))) {
                Some(("event", value)) => name = value.to_owned(),
                Some(("data", value)) => data.push(value.to_owned()),
                Some(_) => panic!("another field: {line}"),
                None if line.is_empty() => {
                    if name == "next" {
                        events.push(data.join("\n"));
                    }
                    (name, data) = (String::new(), Vec::new());
                }
                None => panic!("a field without a colon: {line}"),
            }
        }
        events
    }

    /// The contents of all parts, read by the rules of RFC 2046 §5.1.1 for this boundary.
    fn read_parts(body: &str) -> Vec<String> {
        let body = format!("\r\n{body}");
        let mut parts: Vec<&str> = body.split("\r\n---").collect();
        assert_eq!(parts.pop(), Some("--\r\n"), "the closing delimiter");
        let content = |part: &str| part.split_once("\r\n\r\n").map(|(_, content)| content.to_owned());
        parts.iter().skip(1).filter_map(|part| content(part)).collect()
    }

    fn framed(texts: &[&str], frame: impl Fn(&[u8], bool, bool) -> Bytes) -> String {
        let last = texts.len() - 1;
        let frames = texts.iter().enumerate().map(|(at, text)| frame(text.as_bytes(), at == 0, at == last));
        String::from_utf8(frames.flatten().collect()).unwrap()
    }

    #[test]
    fn a_text_on_one_line_is_one_field() {
        let written = framed(&[r#"{"a":1}"#, r#"{"a":2}"#], |text, _, is_last| event(text, is_last));
        assert_eq!(
            written,
            "event: next\ndata: {\"a\":1}\n\nevent: next\ndata: {\"a\":2}\n\nevent: complete\ndata:\n\n"
        );
    }

    #[test]
    fn line_breaks_end_neither_an_event_nor_a_part() {
        for text in [
            "{\n  \"a\": 1\n}",
            "{\r\n  \"a\": 1\r\n}",
            "{\r\"a\":\r1\r}",
            "{\n\n\"a\":\r\n\r\n1\n\r}",
            "{\"a\":\n-1}",
            "\n{\"a\":1}\n",
        ] {
            let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            let events = read_events(&framed(&[text, text], |text, _, is_last| event(text, is_last)));
            assert_eq!(events.len(), 2, "{text:?}");
            assert_eq!(events.iter().map(|text| value(text)).collect::<Vec<_>>(), [value(text), value(text)]);
            let parts = read_parts(&framed(&[text, text], part));
            assert_eq!(parts.iter().map(|text| value(text)).collect::<Vec<_>>(), [value(text), value(text)]);
        }
    }

    proptest! {
        #[test]
        fn no_text_ends_its_event_or_its_part(texts in prop::collection::vec("\\{[-\r\n: {}a]{0,12}", 1..4)) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let lines = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
            let events = read_events(&framed(&texts, |text, _, is_last| event(text, is_last)));
            prop_assert_eq!(events, texts.iter().map(|text| lines(text)).collect::<Vec<_>>());
            let parts = read_parts(&framed(&texts, part));
            prop_assert_eq!(parts, texts.iter().map(|text| text.replace(['\r', '\n'], " ")).collect::<Vec<_>>());
        }
    }
}
