//! The heads of frames (RFC 6455 §5.2), and the ways in which a client can break the protocol.
//!
//! In: bytes of a client. Out: the head of its next frame, as soon as the head is complete; and the heads of frames
//! that this side sends.
//! Elsewhere: payloads and messages ([`super::reader`]).

use crate::http::messages::Close;

/// The longest payload of a control frame, in bytes (RFC 6455 §5.5).
pub(super) const MAX_CONTROL_BYTES: usize = 125;

/// The longest head of a frame that this side sends, in bytes.
const MAX_HEAD_BYTES: usize = 10;

/// The kind of a frame (RFC 6455 §11.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }

    fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }

    pub(super) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// How a client breaks the protocol. This side then fails the connection (RFC 6455 §7.1.7) with the code of
/// [`Violation::close`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Violation {
    /// 1002: a frame breaks the rule that the text names.
    Protocol(&'static str),
    /// 1003: binary data, which the subprotocol does not use.
    Binary,
    /// 1007: a text, or the reason of a close, is not UTF-8.
    NotUtf8,
    /// 1009: a message is longer than `server.max_socket_message_bytes`.
    TooLarge,
}

impl Violation {
    /// The close frame that tells the client about it.
    pub(super) fn close(self) -> Close {
        match self {
            Self::Protocol(rule) => Close::new(1002, rule),
            Self::Binary => Close::new(1003, "Only text messages are accepted"),
            Self::NotUtf8 => Close::new(1007, "Text is not UTF-8"),
            Self::TooLarge => Close::new(1009, "Message is too large"),
        }
    }
}

/// The head of a client's frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) is_final: bool,
    pub(super) opcode: Opcode,
    /// The length of the payload, in bytes.
    pub(super) length: u64,
    pub(super) mask: [u8; 4],
}

impl Head {
    /// Reads a head. Returns it with its own length in bytes, or `None` if more bytes are needed.
    ///
    /// # Errors
    /// [`Violation::Protocol`], at the first byte that shows that the frame breaks the protocol.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>, Violation> {
        let &[first, ref rest @ ..] = bytes else { return Ok(None) };
        if first & 0x70 != 0 {
            return Err(Violation::Protocol("Reserved bits are set"));
        }
        let opcode = Opcode::from_bits(first & 0x0F).ok_or(Violation::Protocol("Unknown opcode"))?;
        let is_final = first & 0x80 != 0;
        if opcode.is_control() && !is_final {
            return Err(Violation::Protocol("Control frame is fragmented"));
        }
        let &[second, ref rest @ ..] = rest else { return Ok(None) };
        if second & 0x80 == 0 {
            return Err(Violation::Protocol("Frame is not masked"));
        }
        let short = second & 0x7F;
        if opcode.is_control() && usize::from(short) > MAX_CONTROL_BYTES {
            return Err(Violation::Protocol("Control frame is too long"));
        }
        let Some((length, rest)) = read_length(short, rest)? else { return Ok(None) };
        let Some((&mask, rest)) = rest.split_first_chunk() else { return Ok(None) };
        Ok(Some((Self { is_final, opcode, length, mask }, bytes.len() - rest.len())))
    }
}

/// The length of a payload, and the bytes behind it; `None` if more bytes are needed. The length must be in the
/// shortest of its three forms.
fn read_length(short: u8, bytes: &[u8]) -> Result<Option<(u64, &[u8])>, Violation> {
    let (length, least, rest) = match short {
        126 => match bytes.split_first_chunk() {
            Some((&length, rest)) => (u64::from(u16::from_be_bytes(length)), 126, rest),
            None => return Ok(None),
        },
        127 => match bytes.split_first_chunk() {
            Some((&length, rest)) => (u64::from_be_bytes(length), 1 << 16, rest),
            None => return Ok(None),
        },
        short => (u64::from(short), 0, bytes),
    };
    if length < least || length >> 63 != 0 {
        return Err(Violation::Protocol("Length is not in its shortest form"));
    }
    Ok(Some((length, rest)))
}

/// The head of a frame that this side sends. Such frames are final and not masked (RFC 6455 §5.1).
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnHead {
    bytes: [u8; MAX_HEAD_BYTES],
    length: usize,
}

impl OwnHead {
    pub(super) fn new(opcode: Opcode, payload: usize) -> Self {
        let mut head = Self { bytes: [0; MAX_HEAD_BYTES], length: 2 };
        head.bytes[0] = 0x80 | opcode.bits();
        match (u8::try_from(payload), u16::try_from(payload)) {
            (Ok(short @ 0..=125), _) => head.bytes[1] = short,
            (_, Ok(medium)) => {
                head.bytes[1] = 126;
                head.bytes[2..4].copy_from_slice(&medium.to_be_bytes());
                head.length = 4;
            }
            _ => {
                head.bytes[1] = 127;
                // The cast loses nothing, because a `usize` has 64 bits at most.
                head.bytes[2..].copy_from_slice(&(payload as u64).to_be_bytes());
                head.length = MAX_HEAD_BYTES;
            }
        }
        head
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: [u8; 4] = [1, 2, 3, 4];

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        for (bytes, opcode, is_final, length) in [
            (vec![0x81, 0x80], Opcode::Text, true, 0),
            (vec![0x01, 0xFD], Opcode::Text, false, 125),
            (vec![0x80, 0xFE, 0, 126], Opcode::Continuation, true, 126),
            (vec![0x82, 0xFE, 0xFF, 0xFF], Opcode::Binary, true, 65_535),
            (vec![0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0], Opcode::Binary, true, 65_536),
            (vec![0x82, 0xFF, 0x7F, 255, 255, 255, 255, 255, 255, 255], Opcode::Binary, true, u64::MAX >> 1),
            (vec![0x88, 0x82], Opcode::Close, true, 2),
            (vec![0x89, 0xFD], Opcode::Ping, true, 125),
            (vec![0x8A, 0x80], Opcode::Pong, true, 0),
        ] {
            let whole = [&bytes[..], &MASK].concat();
            for cut in 0..whole.len() {
                assert_eq!(Head::read(&whole[..cut]), Ok(None), "{bytes:x?} cut at {cut}");
            }
            let head = Head { is_final, opcode, length, mask: MASK };
            assert_eq!(Head::read(&[&whole[..], b"payload"].concat()), Ok(Some((head, whole.len()))));
        }
    }

    #[test]
    fn what_breaks_the_protocol_is_refused_by_the_first_byte_that_shows_it() {
        for (bytes, rule) in [
            (vec![0xC1], "Reserved bits are set"),
            (vec![0xA1], "Reserved bits are set"),
            (vec![0x91], "Reserved bits are set"),
            (vec![0x83], "Unknown opcode"),
            (vec![0x8B], "Unknown opcode"),
            (vec![0x09], "Control frame is fragmented"),
            (vec![0x81, 0x05], "Frame is not masked"),
            (vec![0x89, 0xFE], "Control frame is too long"),
            (vec![0x81, 0xFE, 0, 125], "Length is not in its shortest form"),
            (vec![0x81, 0xFF, 0, 0, 0, 0, 0, 0, 255, 255], "Length is not in its shortest form"),
            (vec![0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0], "Length is not in its shortest form"),
        ] {
            assert_eq!(Head::read(&bytes), Err(Violation::Protocol(rule)), "{bytes:x?}");
            assert_eq!(Head::read(&bytes[..bytes.len() - 1]), Ok(None), "{bytes:x?}");
        }
    }

    #[test]
    fn own_heads_have_the_shortest_length() {
        for (payload, expected) in [
            (0, vec![0x81, 0]),
            (125, vec![0x81, 125]),
            (126, vec![0x81, 126, 0, 126]),
            (65_535, vec![0x81, 126, 255, 255]),
            (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            assert_eq!(OwnHead::new(Opcode::Text, payload).as_bytes(), expected, "{payload}");
        }
    }
}
