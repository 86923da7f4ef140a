//! Places in a document: byte offsets become lines and columns.
//!
//! The compiler cannot be used for this, because it counts columns in bytes and knows more kinds of line ends than
//! GraphQL has (§2.1.3).

/// The lines of a text, and where it has characters of several bytes.
#[derive(Debug)]
pub(super) struct Places {
    /// The first byte of each line.
    lines: Vec<usize>,
    /// The bytes that do not begin a character.
    inner: Vec<usize>,
}

impl Places {
    /// Finds the lines and the characters of a text in one pass.
    pub(super) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let ends_line = |at: usize| bytes[at] == b'\n' || bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n');
        let lines = std::iter::once(0).chain((0..bytes.len()).filter(|&at| ends_line(at)).map(|at| at + 1));
        let inner = (0..bytes.len()).filter(|&at| !text.is_char_boundary(at));
        Self { lines: lines.collect(), inner: inner.collect() }
    }

    /// The line and the column of a byte, both counted from 1. Columns count characters.
    pub(super) fn at(&self, offset: usize) -> (u32, u32) {
        let line = self.lines.partition_point(|&start| start <= offset);
        let start = line.checked_sub(1).and_then(|line| self.lines.get(line)).copied().unwrap_or(0);
        let inner_before = |at: usize| self.inner.partition_point(|&inner| inner < at);
        let column = offset.saturating_sub(start) - (inner_before(offset) - inner_before(start)) + 1;
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        (number(line), number(column))
    }
}

#[cfg(test)]
mod tests {
    use super::Places;

    #[test]
    fn lines_end_as_the_specification_has_it_and_columns_are_characters() {
        let text = "a\nbé\u{feff}c\r\nd\re\u{2028}f\u{b}g";
        let places = Places::of(text);
        for (letter, place) in [
            ('a', (1, 1)),
            ('b', (2, 1)),
            ('é', (2, 2)),
            ('c', (2, 4)),
            ('d', (3, 1)),
            ('e', (4, 1)),
            ('f', (4, 3)),
            ('g', (4, 5)),
        ] {
            assert_eq!(places.at(text.find(letter).unwrap()), place, "{letter}");
        }
        assert_eq!(places.at(text.len()), (4, 6));
        assert_eq!(Places::of("").at(0), (1, 1));
    }
}
