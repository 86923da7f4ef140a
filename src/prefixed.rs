//! Lists of byte strings in one: each with its length before it, so that no two lists look alike.
//!
//! Keys are made of it where what may share an answer is compared: equal keys mean equal parts, whatever the parts hold.

/// Appends parts, each behind its length.
pub(crate) fn push(bytes: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::push;

    #[test]
    fn no_two_lists_look_alike() {
        let all: [&[&[u8]]; 7] = [&[], &[b""], &[b"", b""], &[b"ab"], &[b"a", b"b"], &[b"", b"ab"], &[b"ab", b""]];
        let keys = all.map(|parts| {
            let mut bytes = Vec::new();
            push(&mut bytes, parts);
            bytes
        });
        let different: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(different.len(), all.len(), "{keys:?}");
    }
}
