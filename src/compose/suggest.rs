//! "Did you mean …?"

/// The name among `known` that `name` is probably meant to be.
pub(super) fn suggest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let wanted = name.to_ascii_lowercase();
    let limit = (name.len() / 3).clamp(1, 3);
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

/// Edits in bytes, two neighbours that swap places being one; of names up to 64 bytes, longer ones are far.
fn distance(a: &str, b: &str) -> usize {
    if a.len() > 64 || b.len() > 64 {
        return usize::MAX;
    }
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        rows[i][0] = i;
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[i][j - 1] + 1).min(rows[i - 1][j] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[a.len()][b.len()]
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
