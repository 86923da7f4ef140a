//! Assembles the messages of a client from the bytes that arrive.
//!
//! In: bytes, in pieces of any size. Out: messages and control frames, in order.
//! Elsewhere: the heads of frames ([`super::frame`]); the connection that the bytes come from ([`super::socket`]).
//!
//! The library tungstenite is not used, because it keeps a buffer as long as the longest message while the connection
//! is open, and checks the head of a frame only when the whole payload has arrived.
//!
//! Always true:
//! - between two messages no memory is held, and a message holds only the bytes that have arrived;
//! - a message never exceeds the limit, because a frame that would exceed it is refused because of its head;
//! - text is UTF-8.
//!
//! # Source
//! RFC 6455 §5 and §8.1.

use super::frame::{Head, MAX_CONTROL_BYTES, Opcode, Violation};
use bytes::Bytes;

/// A message or control frame that a client has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SocketMessage {
    Text(Bytes),
    /// A ping, which must be answered with a pong of the same payload.
    Ping(Vec<u8>),
    Pong,
    /// A close, with its code if it has one. The client sends nothing after it.
    Close(Option<u16>),
}

/// Reads messages. It must not be used after a violation or a close.
#[derive(Debug)]
pub(super) struct Reader {
    max_message_bytes: usize,
    /// Bytes that have arrived. Those from `at` on have not been read.
    buffer: Vec<u8>,
    at: usize,
    /// The frame whose payload is being read, if there is one.
    frame: Option<Frame>,
    /// The payload so far of the control frame that is being read.
    control: Vec<u8>,
    /// The text so far of the message that is being read.
    message: Option<Vec<u8>>,
}

/// A frame whose payload is being read.
#[derive(Debug, Clone, Copy)]
struct Frame {
    head: Head,
    /// How many bytes of the payload have been read.
    taken: u64,
}

impl Reader {
    pub(super) fn new(max_message_bytes: usize) -> Self {
        Self { max_message_bytes, buffer: Vec::new(), at: 0, frame: None, control: Vec::new(), message: None }
    }

    /// Adds bytes that have arrived.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether a message has begun and has not ended.
    pub(super) fn is_within_message(&self) -> bool {
        self.message.is_some()
    }

    /// The next message or control frame; `None` if more bytes are needed.
    ///
    /// # Errors
    /// The rule of the protocol that the client breaks.
    pub(super) fn next(&mut self) -> Result<Option<SocketMessage>, Violation> {
        loop {
            let frame = match self.frame {
                Some(frame) => frame,
                None => match Head::read(&self.buffer[self.at..])? {
                    None => break,
                    Some((head, length)) => {
                        self.at += length;
                        self.begin(head)?
                    }
                },
            };
            match self.take_payload(frame) {
                None => break,
                Some(head) => {
                    self.frame = None;
                    if let Some(incoming) = self.end(head)? {
                        return Ok(Some(incoming));
                    }
                }
            }
        }
        // The rest is shorter than the head of a frame.
        self.buffer = self.buffer[self.at..].to_vec();
        self.at = 0;
        Ok(None)
    }

    /// Begins a frame, if it may stand here (RFC 6455 §5.4).
    fn begin(&mut self, head: Head) -> Result<Frame, Violation> {
        match (head.opcode, &self.message) {
            (Opcode::Continuation, None) => return Err(Violation::Protocol("Nothing is to be continued")),
            (Opcode::Text | Opcode::Binary, Some(_)) => {
                return Err(Violation::Protocol("A message begins within another"));
            }
            (Opcode::Binary, None) => return Err(Violation::Binary),
            (Opcode::Text, None) => self.message = Some(Vec::new()),
            _ => {}
        }
        if !head.opcode.is_control() {
            let room = self.max_message_bytes.saturating_sub(self.message.as_ref().map_or(0, Vec::len));
            if usize::try_from(head.length).map_or(true, |length| length > room) {
                return Err(Violation::TooLarge);
            }
        }
        Ok(Frame { head, taken: 0 })
    }

    /// Moves the payload of a frame, as far as it has arrived, and unmasks it. Returns the head once the whole payload
    /// has been moved.
    fn take_payload(&mut self, mut frame: Frame) -> Option<Head> {
        let there = &self.buffer[self.at..];
        let left = usize::try_from(frame.head.length - frame.taken).unwrap_or(usize::MAX);
        let there = &there[..there.len().min(left)];
        let target = match frame.head.opcode.is_control() {
            true => &mut self.control,
            false => self.message.get_or_insert_default(),
        };
        // The remainder is below four, so the cast loses nothing.
        let offset = (frame.taken % 4) as usize;
        let mask = frame.head.mask.iter().cycle().skip(offset);
        target.extend(there.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
        self.at += there.len();
        frame.taken += there.len() as u64;
        self.frame = Some(frame);
        (frame.taken == frame.head.length).then_some(frame.head)
    }

    /// Ends a frame whose whole payload has arrived. Returns the message or control frame that it completes, if it
    /// completes one.
    fn end(&mut self, head: Head) -> Result<Option<SocketMessage>, Violation> {
        match head.opcode {
            Opcode::Ping => Ok(Some(SocketMessage::Ping(std::mem::take(&mut self.control)))),
            Opcode::Pong => {
                self.control = Vec::new();
                Ok(Some(SocketMessage::Pong))
            }
            Opcode::Close => {
                close_code(&std::mem::take(&mut self.control)).map(|code| Some(SocketMessage::Close(code)))
            }
            Opcode::Continuation | Opcode::Text | Opcode::Binary if !head.is_final => Ok(None),
            Opcode::Continuation | Opcode::Text | Opcode::Binary => {
                let text = self.message.take().unwrap_or_default();
                match std::str::from_utf8(&text) {
                    Ok(_) => Ok(Some(SocketMessage::Text(text.into()))),
                    Err(_) => Err(Violation::NotUtf8),
                }
            }
        }
    }
}

/// The code of a close frame (RFC 6455 §5.5.1 and §7.4; 1012 to 1014 are from IANA's registry).
fn close_code(payload: &[u8]) -> Result<Option<u16>, Violation> {
    debug_assert!(payload.len() <= MAX_CONTROL_BYTES);
    let (code, reason) = match payload.split_first_chunk() {
        Some((&code, reason)) => (u16::from_be_bytes(code), reason),
        None if payload.is_empty() => return Ok(None),
        None => return Err(Violation::Protocol("Close has half a code")),
    };
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Violation::Protocol("Close has a code that nobody may send"));
    }
    match std::str::from_utf8(reason) {
        Ok(_) => Ok(Some(code)),
        Err(_) => Err(Violation::NotUtf8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};
    use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame, FrameHeader};

    const MAX: usize = 1_000;

    /// A frame as a client sends it. It is written by another library.
    fn frame(payload: &[u8], opcode: OpCode, is_final: bool) -> Vec<u8> {
        let header = FrameHeader { is_final, opcode, mask: Some([7, 99, 0, 255]), ..FrameHeader::default() };
        let frame = Frame::from_payload(header, payload.to_vec().into());
        let mut bytes = Vec::new();
        frame.format(&mut bytes).unwrap();
        bytes
    }

    fn text(payload: &str) -> SocketMessage {
        SocketMessage::Text(Bytes::copy_from_slice(payload.as_bytes()))
    }

    /// All messages that some bytes hold, and the violation of the protocol, if there is one.
    fn read(bytes: &[u8], piece: usize) -> (Vec<SocketMessage>, Option<Violation>) {
        let mut reader = Reader::new(MAX);
        let mut all = Vec::new();
        for piece in bytes.chunks(piece) {
            reader.push(piece);
            loop {
                match reader.next() {
                    Ok(Some(incoming)) => all.push(incoming),
                    Ok(None) => break,
                    Err(violation) => return (all, Some(violation)),
                }
            }
        }
        (all, None)
    }

    const TEXT: OpCode = OpCode::Data(Data::Text);
    const MORE: OpCode = OpCode::Data(Data::Continue);
    const PING: OpCode = OpCode::Control(Control::Ping);
    const PONG: OpCode = OpCode::Control(Control::Pong);
    const CLOSE: OpCode = OpCode::Control(Control::Close);

    #[test]
    fn control_frames_may_stand_between_the_fragments_of_a_message() {
        let euro = "€".as_bytes();
        let bytes = [
            frame(&euro[..1], TEXT, false),
            frame(b"still there?", PING, true),
            frame(b"", MORE, false),
            frame(b"yes", PONG, true),
            frame(&euro[1..], MORE, true),
            frame(b"", TEXT, true),
        ]
        .concat();
        let expected = vec![SocketMessage::Ping(b"still there?".to_vec()), SocketMessage::Pong, text("€"), text("")];
        for piece in 1..bytes.len() {
            assert_eq!(read(&bytes, piece), (expected.clone(), None), "{piece} bytes at a time");
        }
    }

    #[test]
    fn what_breaks_the_protocol_is_told_apart() {
        let long = "x".repeat(MAX);
        let close = |payload: &[u8]| frame(payload, CLOSE, true);
        let protocol = Violation::Protocol;
        for (bytes, violation) in [
            (frame(b"a", MORE, true), protocol("Nothing is to be continued")),
            ([frame(b"a", TEXT, false), frame(b"b", TEXT, true)].concat(), protocol("A message begins within another")),
            (frame(b"a", OpCode::Data(Data::Binary), true), Violation::Binary),
            (frame(b"a\xFF", TEXT, true), Violation::NotUtf8),
            (frame(&"€".as_bytes()[..2], TEXT, true), Violation::NotUtf8),
            ([frame(b"\xED\xA0", TEXT, false), frame(b"\x80", MORE, true)].concat(), Violation::NotUtf8),
            (frame(format!("{long}x").as_bytes(), TEXT, true), Violation::TooLarge),
            ([frame(long.as_bytes(), TEXT, false), frame(b"x", MORE, true)].concat(), Violation::TooLarge),
            (close(&[3]), protocol("Close has half a code")),
            (close(&[0x03, 0xE8, 0xFF]), Violation::NotUtf8),
        ] {
            for piece in [1, 7, bytes.len()] {
                assert_eq!(read(&bytes, piece), (Vec::new(), Some(violation)), "{piece} bytes at a time");
            }
        }
        // The frame is refused because of its head, before any of its payload.
        assert_eq!(read(&[0x81, 0xFE, 0x03, 0xE9, 0, 0, 0, 0], 8).1, Some(Violation::TooLarge));
        let whole = read(&frame(long.as_bytes(), TEXT, true), 64);
        assert_eq!(whole, (vec![text(&long)], None), "as long as may be");
    }

    #[test]
    fn a_close_has_a_code_that_may_be_sent_or_none() {
        for code in 0..=u16::MAX {
            let bytes = frame(&code.to_be_bytes(), CLOSE, true);
            // The other library does not know 1014, the newest code in IANA's registry.
            let expected = match code == 1014 || CloseCode::from(code).is_allowed() {
                true => (vec![SocketMessage::Close(Some(code))], None),
                false => (Vec::new(), Some(Violation::Protocol("Close has a code that nobody may send"))),
            };
            assert_eq!(read(&bytes, bytes.len()), expected, "{code}");
        }
        assert_eq!(read(&frame(b"", CLOSE, true), 1), (vec![SocketMessage::Close(None)], None));
        let mut with_reason = Frame::close(Some(CloseFrame { code: CloseCode::Away, reason: "bye".into() }));
        with_reason.header_mut().mask = Some([1; 4]);
        let mut bytes = Vec::new();
        with_reason.format(&mut bytes).unwrap();
        assert_eq!(read(&bytes, 2), (vec![SocketMessage::Close(Some(1001))], None));
    }

    #[test]
    fn nothing_is_kept_between_two_messages() {
        let mut reader = Reader::new(MAX);
        let bytes = frame(&[b'x'; MAX], TEXT, true);
        reader.push(&bytes[..MAX / 2]);
        assert!(reader.next() == Ok(None) && reader.is_within_message());
        reader.push(&bytes[MAX / 2..]);
        assert!(reader.next().unwrap().is_some() && !reader.is_within_message());
        assert_eq!(reader.next(), Ok(None));
        let room = (reader.buffer.capacity(), reader.control.capacity(), reader.message.map(|text| text.capacity()));
        assert_eq!(room, (0, 0, None));
    }

    proptest! {
        /// However messages are cut into frames, and frames into pieces, the same messages are read.
        #[test]
        fn messages_are_what_was_sent(
            messages in vec((".{0,80}", vec(0usize..40, 0..4), any::<bool>()), 1..6),
            piece in 1usize..50,
        ) {
            let (mut bytes, mut expected) = (Vec::new(), Vec::new());
            for (message, cuts, has_ping) in &messages {
                let mut rest = message.as_bytes();
                let mut opcode = TEXT;
                for cut in cuts {
                    let (first, more) = rest.split_at((*cut).min(rest.len()));
                    bytes.extend(frame(first, opcode, false));
                    (rest, opcode) = (more, MORE);
                    if *has_ping {
                        bytes.extend(frame(b"?", PING, true));
                        expected.push(SocketMessage::Ping(b"?".to_vec()));
                    }
                }
                bytes.extend(frame(rest, opcode, true));
                expected.push(text(message));
            }
            prop_assert_eq!(read(&bytes, piece), (expected, None));
        }

        #[test]
        fn no_bytes_panic(bytes in vec(any::<u8>(), 0..300), piece in 1usize..50) {
            let (all, _) = read(&bytes, piece);
            prop_assert!(all.len() <= bytes.len());
        }
    }
}
