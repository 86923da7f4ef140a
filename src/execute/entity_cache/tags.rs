//! Tags, and the templates that make them, such as `product:{id}` and `cart:{$claims.sub}`.
//!
//! The value of a tag may be unknown: for example, a write that failed has no answer to read an id from. Then the tag
//! stands for all values that it could have. The *family* of a tag is the text before its colon. An entry has its tag
//! and the tag of its whole family; an entry whose tag is unknown is invalidated with any tag of its family.

use crate::cache::Tag;
use crate::compose::{Entry, From, Graph, Input, JsonPath, Method, Segment, ShapeId, Way};
use crate::execute::input::{Inputs, Key};
use crate::execute::leaf;
use crate::execute::project::values;
use crate::json::Value;

/// The greatest number of tags of one entry.
const MAX_TAGS: usize = 256;

/// A template of tags, `text{hole}text`.
#[derive(Debug)]
pub(super) struct Template {
    /// The text before the colon. `None` if a hole precedes the colon.
    family: Option<String>,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    /// An input of the call, or of one of its keys.
    Input(Input),
    /// A value of the item, at the first of these places that has one.
    Item(Vec<(Vec<Segment>, Vec<Method>)>),
    /// The value is never known.
    Unknown,
}

impl Template {
    pub(super) fn parse(graph: &Graph, way: &Way, text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, hole, behind)) = next_hole(rest) {
            parts.push(Part::Text(before.to_owned()));
            parts.push(part(graph, way, hole));
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        let family = match parts.first() {
            Some(Part::Text(text)) => text.split_once(':').map(|(family, _)| family.to_owned()),
            _ => None,
        };
        Self { family, parts }
    }

    /// Appends the values of the template's inputs, in their order. `None` stands for null.
    fn inputs<'i>(&'i self, inputs: &Inputs<'i>, key: Option<&Key>, to: &mut Vec<Option<String>>) {
        for part in &self.parts {
            if let Part::Input(input) = part {
                to.push(input_text(inputs, key, input));
            }
        }
    }

    /// The tags of the template. `None` if they are not known.
    fn render(&self, inputs: &mut impl Iterator<Item = Option<String>>, item: Option<&[u8]>) -> Option<Vec<String>> {
        let mut tags = Some(vec![String::new()]);
        for part in &self.parts {
            // Inputs are consumed even if the tags are unknown already, because those of the next template follow.
            let values = match part {
                Part::Text(text) => Some(vec![text.clone()]),
                Part::Input(_) => inputs.next().flatten().map(|text| vec![text]),
                Part::Item(places) => item.and_then(|item| item_texts(item, places)),
                Part::Unknown => None,
            };
            tags = tags.zip(values).and_then(|(tags, values)| {
                let joined = tags.iter().flat_map(|tag| values.iter().map(move |value| format!("{tag}{value}")));
                let joined: Vec<_> = joined.take(MAX_TAGS + 1).collect();
                (joined.len() <= MAX_TAGS).then_some(joined)
            });
        }
        tags
    }
}

/// The values of all inputs of some templates, for one key.
pub(super) fn input_values<'i>(
    templates: &'i [Template],
    inputs: &Inputs<'i>,
    key: Option<&Key>,
) -> Vec<Option<String>> {
    let mut values = Vec::new();
    templates.iter().for_each(|template| template.inputs(inputs, key, &mut values));
    values
}

/// The tags of an entry. The entry is invalidated with any of them.
pub(super) fn tags(templates: &[Template], inputs: Vec<Option<String>>, item: &[u8]) -> Box<[Tag]> {
    let mut inputs = inputs.into_iter();
    let mut tags = vec![Tag::of(EVERYTHING)];
    for template in templates {
        let told = template.render(&mut inputs, Some(item));
        match (&told, &template.family) {
            (Some(told), _) => {
                for tag in told {
                    tags.push(Tag::of(tag));
                    tags.extend(tag.split_once(':').map(|(family, _)| Tag::of(&all(family))));
                }
            }
            (None, Some(family)) => tags.extend([Tag::of(&any(family)), Tag::of(&all(family))]),
            (None, None) => tags.push(Tag::of(ANYTHING)),
        }
    }
    tags.sort_unstable();
    tags.dedup();
    tags.into()
}

/// The result of a write.
#[derive(Debug, Clone, Copy)]
pub(super) enum Write<'a> {
    /// The write succeeded with this answer.
    Answered(&'a [u8]),
    /// The service refused the write. Known tags are invalidated, because something may have been written all the same.
    /// Unknown tags are not, so that a client whose writes are refused again and again cannot empty the cache.
    Refused,
    /// The write may have been applied.
    Unknown,
}

/// The tags that a write invalidates.
pub(super) fn invalidated(templates: &[Template], inputs: Vec<Option<String>>, write: Write<'_>) -> Vec<Tag> {
    let item = if let Write::Answered(item) = write { Some(item) } else { None };
    let mut inputs = inputs.into_iter();
    let mut tags = Vec::new();
    for template in templates {
        match (template.render(&mut inputs, item), &template.family) {
            (Some(told), _) => {
                for tag in &told {
                    let family = tag.split_once(':').map(|(family, _)| Tag::of(&any(family)));
                    tags.extend([Tag::of(tag), Tag::of(ANYTHING)].into_iter().chain(family));
                }
            }
            (None, _) if matches!(write, Write::Refused) => {}
            (None, Some(family)) => {
                tags.extend([Tag::of(&all(family)), Tag::of(&any(family)), Tag::of(ANYTHING)]);
            }
            (None, None) => tags.extend([Tag::of(EVERYTHING), Tag::of(ANYTHING)]),
        }
    }
    tags.sort_unstable();
    tags.dedup();
    tags
}

// Tags are made of texts that people write, so no tag has a NUL.

/// The tag that every entry has.
const EVERYTHING: &str = "\0all";
/// The tag of entries of which nothing is known. Every invalidation includes it.
const ANYTHING: &str = "\0any";

/// The tag that all entries of a family have.
fn all(family: &str) -> String {
    format!("{family}\0all")
}

/// The tag of those entries of a family whose own tag is unknown.
fn any(family: &str) -> String {
    format!("{family}\0any")
}

fn next_hole(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (hole, behind) = rest.split_once('}')?;
    Some((before, hole, behind))
}

fn part(graph: &Graph, way: &Way, hole: &str) -> Part {
    let path = |text: &str| text.split('.').map(str::to_owned).collect();
    let parent = |name: &str| {
        let is_it = |input: &crate::compose::KeyPath| {
            input.0.iter().map(|field| graph.field(*field).name.as_str()).eq(name.split('.'))
        };
        way.inputs.iter().position(is_it).map(|at| Part::Input(Input::Parent(at)))
    };
    if let Some(name) = hole.strip_prefix("$args.") {
        return Part::Input(Input::Argument(path(name)));
    }
    if let Some(name) = hole.strip_prefix("$claims.") {
        return Part::Input(Input::Claim(path(name)));
    }
    if let Some(name) = hole.strip_prefix("$this.") {
        return parent(name).unwrap_or(Part::Unknown);
    }
    // The key of a lookup is part of its answer, and it is known even if the entity does not exist.
    if let (Entry::Lookup(_), Some(part)) = (way.entry, parent(hole)) {
        return part;
    }
    let names: Vec<&str> = hole.split('.').collect();
    let start = match &way.answer.read.from {
        From::Json(JsonPath(path)) => path.clone(),
        _ => return Part::Unknown,
    };
    let mut places = Vec::new();
    if let Some(shape) = way.answer.shape {
        item_places(graph, shape, &names, &start, &mut places);
    }
    if places.is_empty() { Part::Unknown } else { Part::Item(places) }
}

/// Finds the places of the values of a path of fields, below a place.
fn item_places(
    graph: &Graph,
    shape: ShapeId,
    names: &[&str],
    start: &[Segment],
    places: &mut Vec<(Vec<Segment>, Vec<Method>)>,
) {
    let Some((name, rest)) = names.split_first() else { return };
    for variant in &graph.shape(shape).variants {
        let field = graph.field_id(variant.ty, name).and_then(|field| variant.fields.get(&field));
        let Some(field) = field else { continue };
        let From::Json(JsonPath(path)) = &field.read.from else { continue };
        let path = [start, path].concat();
        match (rest, field.shape) {
            ([], _) => {
                let place = (path, field.read.then.clone());
                if !places.contains(&place) {
                    places.push(place);
                }
            }
            (_, Some(shape)) => item_places(graph, shape, rest, &path, places),
            (_, None) => {}
        }
    }
}

fn input_text<'i>(inputs: &Inputs<'i>, key: Option<&Key>, input: &'i Input) -> Option<String> {
    if let Input::Parent(at) = input {
        let token = key?.get(*at)?.as_deref()?;
        return leaf::canonical(token).map(|text| text.into_owned());
    }
    match &*inputs.json(input)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is) => Some(is.to_string()),
        _ => None,
    }
}

/// The texts at the first place that has any.
fn item_texts(item: &[u8], places: &[(Vec<Segment>, Vec<Method>)]) -> Option<Vec<String>> {
    places.iter().find_map(|(path, then)| {
        let texts = values(item, path, MAX_TAGS)?.into_iter().map(|text| {
            let token = leaf::apply(std::str::from_utf8(text).ok()?.into(), then)?;
            leaf::canonical(&token).map(|text| text.into_owned())
        });
        let texts: Vec<String> = texts.collect::<Option<_>>()?;
        (!texts.is_empty()).then_some(texts)
    })
}
