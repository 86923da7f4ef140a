//! "Did you mean": the known name that is most similar to an unknown one.

/// The longest names that are compared, in bytes. A longer name is not similar to any other.
const MAX_BYTES: usize = 64;
/// The most known names that are compared.
const MAX_NAMES: usize = 2_000;
/// The most known names that are listed if none is similar.
const MAX_LISTED: usize = 12;

/// Gives the known name that is most similar to `name`, if it is similar enough: at most a third of the letters may
/// differ, but always 1 and never more than 3. Two neighbouring letters that are swapped count as one difference; case
/// does not count.
pub(crate) fn closest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if name.len() > MAX_BYTES {
        return None;
    }
    let wanted = name.to_ascii_lowercase();
    // Names are ASCII (GraphQL §2.1.9). For other texts, bytes are counted.
    let most = (name.len() / 3).clamp(1, 3);
    known
        .into_iter()
        .take(MAX_NAMES)
        .filter(|known| known.len() <= MAX_BYTES && known.len().abs_diff(name.len()) <= most)
        .map(|known| (strsim::osa_distance(&wanted, &known.to_ascii_lowercase()), known))
        .filter(|&(distance, _)| distance <= most)
        .min()
        .map(|(_, known)| known)
}

/// A question with the name that was probably meant, if one is similar enough.
pub(crate) fn did_you_mean<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    closest(name, known).map(|meant| format!("did you mean `{meant}`?"))
}

/// A help text with the name that was probably meant, or else with the known names.
pub(crate) fn help<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match did_you_mean(name, known.iter().copied()) {
        Some(question) => question,
        None if known.is_empty() => "there are none".to_owned(),
        None => {
            let more = if known.len() > MAX_LISTED { ", …" } else { "" };
            let shown: Vec<String> = known.iter().take(MAX_LISTED).map(|name| format!("`{name}`")).collect();
            format!("there are {}{more}", shown.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{closest, help};

    #[test]
    fn the_nearest_name_is_offered_unless_all_are_far() {
        let names = ["id", "name", "price", "prices", "getUser", "getUsers", "searchOrders"];
        for (wanted, expected) in [
            ("nmae", Some("name")),
            ("nam", Some("name")),
            ("Price", Some("price")),
            ("pricess", Some("prices")),
            ("getUzer", Some("getUser")),
            ("searchorder", Some("searchOrders")),
            ("deleteCart", None),
            ("total", None),
            ("", None),
        ] {
            assert_eq!(closest(wanted, names), expected, "{wanted}");
        }
    }

    #[test]
    fn long_names_and_many_names_cost_little() {
        let long = "x".repeat(100_000);
        assert_eq!(closest(&long, [long.as_str()]), None);
        assert_eq!(closest("name", std::iter::repeat_n(long.as_str(), 10)), None);
        assert_eq!(closest("name", std::iter::repeat_n("other", 5_000).chain(["name"])), None);
    }

    #[test]
    fn where_no_name_is_near_some_are_listed() {
        assert_eq!(help("nmae", ["name"]), "did you mean `name`?");
        assert_eq!(help("x", []), "there are none");
        assert!(help("far", ["total"; 20]).ends_with("`total`, …"));
    }
}
