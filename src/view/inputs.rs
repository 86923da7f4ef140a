//! Enums, scalars and input objects of a client schema: each value and field gets its counterpart in the graph.

use super::resolve::Resolver;
use super::table::{EnumView, InputFieldView, InputObjectView, InputType, Inputs};
use apollo_compiler::Schema;
use apollo_compiler::ast::Type;
use apollo_compiler::schema::{EnumType, ExtendedType, InputObjectType, InputValueDefinition};
use std::collections::HashSet;
use std::sync::Arc;

/// The input types of a schema, each as its own counterpart.
pub(super) fn identity(schema: &Schema) -> Inputs {
    let mut inputs = Inputs::default();
    for (name, ty) in &schema.types {
        let input = match ty {
            ExtendedType::Scalar(_) => scalar(name),
            ExtendedType::Enum(values) => {
                let same = |value: &str| (value.to_owned(), value.to_owned());
                let pairs: Vec<_> = values.values.keys().map(|value| same(value)).collect();
                InputType::Enum(EnumView { to_graph: pairs.iter().cloned().collect(), to_client: Arc::new(pairs) })
            }
            ExtendedType::InputObject(object) => {
                let field = |field: &InputValueDefinition| InputFieldView {
                    graph: field.name.to_string(),
                    ty: (*field.ty).clone(),
                    default: None,
                };
                let fields = object.fields.iter().map(|(name, definition)| (name.to_string(), field(definition)));
                InputType::Object(InputObjectView {
                    fields: fields.collect(),
                    hidden: Vec::new(),
                    is_one_of: object.directives.has("oneOf"),
                })
            }
            _ => continue,
        };
        inputs.0.insert(name.to_string(), input);
    }
    // Errors in defaults are reported where the schema is checked. Here such a default is left out.
    fill_defaults(schema, &mut inputs, &mut |_, _| {});
    inputs
}

/// The input type of a scalar, by its name.
pub(super) fn scalar(name: &str) -> InputType {
    match name {
        "Int" => InputType::Int,
        "Float" => InputType::Float,
        "String" => InputType::String,
        "Boolean" => InputType::Boolean,
        "ID" => InputType::Id,
        _ => InputType::Custom,
    }
}

/// Coerces the defaults of input fields. The defaults of an inner type are coerced first.
pub(super) fn fill_defaults(
    schema: &Schema,
    inputs: &mut Inputs,
    report: &mut dyn FnMut(&InputValueDefinition, String),
) {
    let mut done = HashSet::new();
    for (name, ty) in &schema.types {
        if let ExtendedType::InputObject(object) = ty {
            fill_object(schema, inputs, name, object, &mut done, report);
        }
    }
}

fn fill_object(
    schema: &Schema,
    inputs: &mut Inputs,
    name: &str,
    object: &InputObjectType,
    done: &mut HashSet<String>,
    report: &mut dyn FnMut(&InputValueDefinition, String),
) {
    // If a type is entered again while its defaults are being coerced, it has no default of its own yet. So a cycle of
    // defaults ends here.
    if done.len() > schema.types.len() || !done.insert(name.to_owned()) {
        return;
    }
    for (field_name, definition) in &object.fields {
        let Some(default) = &definition.default_value else { continue };
        let inner = definition.ty.inner_named_type();
        if let Some(ExtendedType::InputObject(object)) = schema.types.get(inner) {
            fill_object(schema, inputs, inner, object, done, report);
        }
        let coerced = inputs.constant(&definition.ty, default);
        let Some(InputType::Object(view)) = inputs.0.get_mut(name) else { continue };
        match (coerced, view.fields.get_mut(field_name.as_str())) {
            (Ok(json), Some(field)) => field.default = Some(json),
            (Ok(_), None) => {}
            (Err(error), _) => report(definition, error.message),
        }
    }
}

impl Resolver<'_> {
    /// Resolves all scalars, enums and input objects of the client schema.
    pub(super) fn inputs(&mut self) {
        let schema = self.schema;
        for (name, ty) in schema.types.iter().filter(|(_, ty)| !ty.is_built_in() || ty.is_scalar()) {
            let input = match ty {
                ExtendedType::Scalar(_) => scalar(name),
                ExtendedType::Enum(values) => InputType::Enum(self.enumeration(values)),
                ExtendedType::InputObject(object) => InputType::Object(self.input_object(object)),
                _ => continue,
            };
            self.tables.inputs.0.insert(name.to_string(), input);
        }
        let mut inputs = std::mem::take(&mut self.tables.inputs);
        fill_defaults(schema, &mut inputs, &mut |definition, message| {
            let span = self.span(definition.default_value.as_ref().and_then(|default| default.location()));
            self.report(format!("the default of `{}` does not fit: {message}", definition.name), span, "this default");
        });
        self.tables.inputs = inputs;
        self.graph_defaults();
    }

    fn enumeration(&mut self, client: &EnumType) -> EnumView {
        let mut view = EnumView::default();
        let mut to_client: Vec<(String, String)> = Vec::new();
        let Some(graph_name) = self.graph_name(&client.name) else { return view };
        let Some(graph) = self.graph.schema.get_enum(graph_name) else { return view };
        for (value, definition) in &client.values {
            let at = self.span(definition.value.location());
            let (wanted, span) = self.renamed(&format!("{}.{value}", client.name), value, at);
            if !graph.values.contains_key(wanted.as_str()) {
                let known = graph.values.keys().map(|name| name.as_str());
                self.unknown(format!("enum `{graph_name}` has no value `{wanted}`"), span, &wanted, known, graph_name);
                continue;
            }
            if let Some((_, other)) = to_client.iter().find(|(graph, _)| *graph == wanted) {
                let message = format!("`{other}` and `{value}` both show `{graph_name}.{wanted}`");
                self.report(message, span, "an answer could be either");
                continue;
            }
            view.to_graph.insert(value.to_string(), wanted.clone());
            to_client.push((wanted, value.to_string()));
        }
        view.to_client = Arc::new(to_client);
        view
    }

    fn input_object(&mut self, client: &InputObjectType) -> InputObjectView {
        let mut view = InputObjectView::default();
        let Some(graph_name) = self.graph_name(&client.name) else { return view };
        let Some(graph) = self.graph.schema.get_input_object(graph_name) else { return view };
        view.is_one_of = client.directives.has("oneOf") || graph.directives.has("oneOf");
        for (name, definition) in &client.fields {
            let at = self.span(definition.name.location());
            let coordinate = format!("{}.{name}", client.name);
            let (wanted, span) = self.renamed(&coordinate, name, at);
            let Some(target) = graph.fields.get(wanted.as_str()) else {
                let known = graph.fields.keys().map(|name| name.as_str());
                self.unknown(format!("input `{graph_name}` has no field `{wanted}`"), span, &wanted, known, graph_name);
                continue;
            };
            if view.fields.values().any(|other| other.graph == wanted) {
                self.report(format!("`{graph_name}.{wanted}` is shown by two fields"), span, "again here");
                continue;
            }
            if let Err(why) = self.input_fits(&definition.ty, &target.ty) {
                let span = self.span(definition.ty.location());
                let message = format!("`{coordinate}: {}` does not fit `{graph_name}.{wanted}`: {why}", definition.ty);
                self.report_with_type(message, span, "this type", graph_name);
            }
            let field = InputFieldView { graph: wanted, ty: (*definition.ty).clone(), default: None };
            view.fields.insert(name.to_string(), field);
        }
        for (name, definition) in &graph.fields {
            let is_offered = view.fields.values().any(|field| field.graph == name.as_str());
            if definition.is_required() && !is_offered {
                let message = format!("`{graph_name}.{name}` is required, but `{}` does not offer it", client.name);
                let span = self.span(client.name.location());
                self.report_with_type(message, span, "add a field for it", graph_name);
            }
        }
        view
    }

    /// Adds the graph's default to each field for which the client has none.
    fn graph_defaults(&mut self) {
        // Fields that clients do not see have defaults only in the full schema of the graph.
        let full = identity(&self.graph.full);
        for (name, input) in &mut self.tables.inputs.0 {
            let InputType::Object(view) = input else { continue };
            let Some(graph_name) = self.of.get(name).map(|&ty| self.graph.ty(ty).name.as_str()) else { continue };
            let Some(InputType::Object(graph)) = full.0.get(graph_name) else { continue };
            for (graph_field, definition) in &graph.fields {
                let Some(default) = &definition.default else { continue };
                match view.fields.values_mut().find(|field| field.graph == *graph_field) {
                    Some(field) => field.default = field.default.take().or_else(|| Some(default.clone())),
                    None => view.hidden.push((graph_field.clone(), default.clone())),
                }
            }
        }
    }

    /// Checks that every value of the client's type is a value of the graph's type.
    pub(super) fn input_fits(&self, client: &Type, graph: &Type) -> Result<(), String> {
        if graph.is_non_null() && !client.is_non_null() {
            return Err(format!("it may be null, the graph's `{graph}` may not"));
        }
        match (client.is_list(), graph.is_list()) {
            (true, true) => return self.input_fits(client.item_type(), graph.item_type()),
            (false, false) => {}
            _ => return Err(format!("the graph's type is `{graph}`")),
        }
        let (client, graph) = (client.inner_named_type(), graph.inner_named_type());
        let fits = match self.schema.types.get(client) {
            Some(ExtendedType::Scalar(_)) => client == graph || (client == "Int" && graph == "Float"),
            Some(_) => self.graph_name(client) == Some(graph.as_str()),
            None => true, // Reported as a dangling type.
        };
        if fits { Ok(()) } else { Err(format!("the graph's type is `{graph}`")) }
    }
}
