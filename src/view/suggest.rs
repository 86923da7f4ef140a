//! "Do you mean": the known name closest to an unknown one.

/// The closest of `names`, if it is close enough to be what was meant.
pub(crate) fn closest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = (wanted.chars().count() / 3).max(1);
    names
        .into_iter()
        .map(|name| (distance(wanted, name), name))
        .filter(|&(distance, _)| distance <= most)
        .min()
        .map(|(_, name)| name)
}

/// Levenshtein's distance, letters compared without case.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().map(|c| c.to_ascii_lowercase()).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn the_closest_name_is_offered_unless_all_are_far() {
        let names = ["id", "name", "price", "prices"];
        for (wanted, expected) in [
            ("nmae", None),
            ("nam", Some("name")),
            ("Price", Some("price")),
            ("pricess", Some("prices")),
            ("total", None),
            ("", None),
        ] {
            assert_eq!(closest(wanted, names), expected, "{wanted}");
        }
    }
}
