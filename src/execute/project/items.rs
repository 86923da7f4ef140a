//! The items of a list that was kept as one text.

use crate::json::Json;

/// Iterates over the items of a list's text. The text is known to be JSON, because it was read with its body.
#[derive(Debug)]
pub(in crate::execute) struct Items<'t> {
    json: Json<'t>,
    is_first: bool,
}

impl<'t> Items<'t> {
    /// The items from a byte on: 0, or a value of [`Self::at`]. `None` if the text is not a list.
    pub(in crate::execute) fn of(text: &'t [u8], at: usize) -> Option<Self> {
        let is_list = text.first() == Some(&b'[');
        is_list.then(|| Self { json: Json::known(text, at.max(1)), is_first: at <= 1 })
    }

    /// The byte after the previous item.
    pub(in crate::execute) fn at(&self) -> usize {
        self.json.at
    }
}

impl<'t> Iterator for Items<'t> {
    type Item = &'t [u8];

    fn next(&mut self) -> Option<&'t [u8]> {
        let is_there = self.json.next_item(std::mem::take(&mut self.is_first)).ok()?;
        let span = is_there.then(|| self.json.skip().ok())??;
        Some(self.json.text(span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_found_from_any_of_them_on() {
        let text = br#"[1, "a,]" ,[2,3],{"b":[4]} , null]"#;
        let expected: [&[u8]; 5] = [b"1", br#""a,]""#, b"[2,3]", br#"{"b":[4]}"#, b"null"];
        assert_eq!(Items::of(text, 0).unwrap().collect::<Vec<_>>(), expected);
        let mut items = Items::of(text, 0).unwrap();
        for before in 0..expected.len() {
            let rest: Vec<_> = Items::of(text, items.at()).unwrap().collect();
            assert_eq!(rest, expected[before..], "after {before} items");
            items.next();
        }
        assert_eq!(items.next(), None);
        assert!(Items::of(b"{}", 0).is_none() && Items::of(b"[ ]", 0).unwrap().next().is_none());
    }
}
