//! `http:` for a source with a contract: finds the operation of the method and path, so that it is checked as `op:` is.

use crate::contract::{Contract, Endpoint};
use crate::sdl::{HttpTarget, TemplatePart};
use crate::suggest;

/// The operation of a method and a path.
#[derive(Debug)]
pub(super) struct Matched<'a> {
    pub(super) endpoint: &'a Endpoint,
    /// The names of the path parameters that the placeholders `{…}` of the binding fill, in order.
    pub(super) holes: Vec<&'a str>,
}

/// Finds the operation of a contract. If there is none, returns what is wrong, and what to do.
///
/// If several match, the one with the fewest placeholders for which the path has fixed text is taken (OpenAPI, "Path
/// Templating Matching": concrete paths are matched before templated ones).
pub(super) fn operation<'a>(
    contract: &'a Contract,
    source: &str,
    http: &HttpTarget,
) -> Result<Matched<'a>, (String, String)> {
    let path = normalised(&http.path);
    let of_method = || contract.operations().filter(|operation| *operation.method == http.method);
    let matching = of_method().filter_map(|operation| Some((operation, holes(operation.path, &path)?)));
    if let Some((operation, (holes, _))) = matching.min_by_key(|(_, (_, constants))| *constants) {
        return match contract.endpoint(operation.id) {
            Some(endpoint) => Ok(Matched { endpoint, holes }),
            None => Err(unusable(operation.id)),
        };
    }
    let shown = path.replace(HOLE, "{…}");
    let message = format!("the contract of `{source}` has no operation `{} {shown}`", http.method);
    let others = contract.operations().filter(|operation| holes(operation.path, &path).is_some());
    let methods: Vec<String> = others.map(|operation| format!("`{}`", operation.method)).collect();
    let help = match methods.is_empty() {
        false => format!("this path has {}", methods.join(", ")),
        true => suggest::help(&path.replace(HOLE, "{id}"), of_method().map(|operation| operation.path)),
    };
    Err((message, help))
}

/// The message for an operation that the contract has but that cannot be bound, and what to do.
pub(super) fn unusable(operation: &str) -> (String, String) {
    let message = format!("the operation `{operation}` cannot be called as the contract describes it");
    (message, "the findings in the contract say what is wrong".to_owned())
}

/// The character that replaces a `{…}`. No path contains it.
const HOLE: char = '\0';

fn normalised(parts: &[TemplatePart]) -> String {
    let mut path = String::new();
    for part in parts {
        match part {
            TemplatePart::Text(text) => path.push_str(text),
            TemplatePart::Hole(_) => path.push(HOLE),
        }
    }
    path
}

/// The parameters that the placeholders of a path fill, and the number of placeholders of the template for which the
/// path has fixed text. `None` if the paths differ.
fn holes<'a>(template: &'a str, path: &str) -> Option<(Vec<&'a str>, usize)> {
    let (mut names, mut constants) = (Vec::new(), 0);
    let mut given = path.split('/');
    for segment in template.split('/') {
        let given = given.next()?;
        let (wanted, placeholders) = placeholders(segment);
        if wanted == given {
            names.extend(placeholders);
        } else if wanted.chars().eq([HOLE]) && !given.is_empty() && !given.contains(HOLE) {
            constants += 1;
        } else {
            return None;
        }
    }
    given.next().is_none().then_some((names, constants))
}

/// A segment with each `{name}` replaced by [`HOLE`], and the names.
fn placeholders(segment: &str) -> (String, Vec<&str>) {
    let (mut text, mut names, mut rest) = (String::new(), Vec::new(), segment);
    while let Some((before, name, behind)) = rest
        .split_once('{')
        .and_then(|(before, behind)| behind.split_once('}').map(|(name, behind)| (before, name, behind)))
    {
        text.push_str(before);
        text.push(HOLE);
        names.push(name);
        rest = behind;
    }
    text.push_str(rest);
    (text, names)
}

#[cfg(test)]
mod tests {
    use super::{HOLE, holes};

    #[test]
    fn paths_match_segment_by_segment() {
        for (template, path, expected) in [
            ("/users/{id}", "/users/*", Some((vec!["id"], 0))),
            ("/users/{id}", "/users/me", Some((vec![], 1))),
            ("/users/me", "/users/me", Some((vec![], 0))),
            ("/users/me", "/users/*", None),
            ("/users/{id}", "/users/", None),
            ("/users/{id}", "/users/a*", None),
            ("/a/{x}.{y}/b", "/a/*.*/b", Some((vec!["x", "y"], 0))),
            ("/users/{id}/x", "/users/*", None),
            ("/users", "/users/*", None),
            ("/users/{id", "/users/*", None),
        ] {
            assert_eq!(holes(template, &path.replace('*', &HOLE.to_string())), expected, "{template} {path}");
        }
    }
}
