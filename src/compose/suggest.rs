//! "Did you mean …?"

/// The name among `known` that `name` is probably meant to be.
pub(super) fn suggest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let wanted = name.to_ascii_lowercase();
    let limit = (name.len() / 3).clamp(1, 4);
    known
        .into_iter()
        .take(2_000)
        .map(|candidate| (distance(&wanted, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// A help text: the suggestion, else what there is.
pub(super) fn help<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match suggest(name, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => "there are none".to_owned(),
        None => {
            let more = if known.len() > 12 { ", …" } else { "" };
            let shown: Vec<String> = known.iter().take(12).map(|name| format!("`{name}`")).collect();
            format!("there are {}{more}", shown.join(", "))
        }
    }
}

/// Levenshtein distance in bytes, of names up to 64 bytes; longer ones are far.
fn distance(a: &str, b: &str) -> usize {
    if a.len() > 64 || b.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::suggest;

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        let known = ["getUser", "getUsers", "searchOrders"];
        assert_eq!(suggest("getUzer", known), Some("getUser"));
        assert_eq!(suggest("searchorder", known), Some("searchOrders"));
        assert_eq!(suggest("deleteCart", known), None);
    }
}
