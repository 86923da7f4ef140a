//! Printing of lowered operations as text for people: for tests, `plan` and logs.

use super::lowered::{Leaf, NodeId, Operation, OperationKind, Others, OutId, OutKind, OutType, SelectionId, Value};
use crate::compose::Graph;
use std::fmt::Write as _;

impl Operation {
    /// The text says first what is asked of the graph, then how the answer is read. `#n` is the node with the id `n`.
    #[must_use]
    pub fn to_text(&self, graph: &Graph) -> String {
        let mut printer = Printer { operation: self, graph, text: String::new() };
        let kind = match self.kind {
            OperationKind::Query => "query",
            OperationKind::Mutation => "mutation",
            OperationKind::Subscription => "subscription",
        };
        let name = self.name.as_deref().map_or(String::new(), |name| format!(" {name}"));
        printer.line(0, &format!("{kind}{name}"));
        printer.selection(self.root, 1);
        printer.line(0, "answer");
        printer.object(self.output, 1);
        printer.text
    }
}

struct Printer<'a> {
    operation: &'a Operation,
    graph: &'a Graph,
    text: String,
}

impl Printer<'_> {
    fn line(&mut self, indent: usize, text: &str) {
        let _ = writeln!(self.text, "{:indent$}{text}", "", indent = indent * 2);
    }

    fn selection(&mut self, id: SelectionId, indent: usize) {
        let operation = self.operation;
        let selection = &operation.selections[id.index()];
        for (ty, nodes) in &selection.variants {
            let is_abstract = *ty != selection.ty;
            if is_abstract {
                self.line(indent, &format!("on {}", self.graph.ty(*ty).name));
            }
            for node in nodes {
                self.node(*node, indent + usize::from(is_abstract));
            }
        }
    }

    fn node(&mut self, id: NodeId, indent: usize) {
        let node = &self.operation.nodes[id.index()];
        let mut line = format!("#{} {}", id.0, self.graph.field(node.field).name);
        if !node.arguments.is_empty() {
            let arguments: Vec<_> = node.arguments.iter().map(|(name, it)| format!("{name}: {}", value(it))).collect();
            let _ = write!(line, "({})", arguments.join(", "));
        }
        self.line(indent, &line);
        if let Some(selection) = node.selection {
            self.selection(selection, indent + 1);
        }
    }

    fn object(&mut self, id: OutId, indent: usize) {
        let operation = self.operation;
        let object = &operation.outputs[id.index()];
        for variant in &object.variants {
            let ty = &self.graph.ty(variant.ty).name;
            let head = if *ty == variant.name { ty.clone() } else { format!("{} of {ty}", variant.name) };
            self.line(indent, &head);
            for field in &variant.fields {
                let (read, inner) = self.kind(&field.kind);
                self.line(indent + 1, &format!("{}: {read}", field.response_name));
                if let Some(inner) = inner {
                    self.object(inner, indent + 2);
                }
            }
        }
        if object.others == Others::Omit {
            self.line(indent, "others omitted");
        }
    }

    fn kind(&self, kind: &OutKind) -> (String, Option<OutId>) {
        match kind {
            OutKind::Typename => ("__typename".to_owned(), None),
            OutKind::Introspection => ("introspection".to_owned(), None),
            OutKind::Refused { argument, .. } => (format!("null for `{argument}`"), None),
            OutKind::Value { path, ty, default } => {
                let hops = path.iter().map(|hop| {
                    let nodes: Vec<_> = hop.nodes.iter().map(|(_, node)| format!("#{}", node.0)).collect();
                    let index = hop.index.map_or(String::new(), |index| format!("[{index}]"));
                    format!("{}{index}", nodes.join("|"))
                });
                let hops: Vec<_> = hops.collect();
                let path = if hops.is_empty() { ".".to_owned() } else { hops.join(".") };
                let (ty, inner) = out_type(ty);
                let default = default.as_ref().map_or(String::new(), |default| format!(" ?? {default}"));
                (format!("{ty} = {path}{default}"), inner)
            }
        }
    }
}

fn value(it: &Value) -> String {
    match it {
        Value::Constant(json) => json.to_string(),
        Value::Variable(id, None) => format!("${}", id.0),
        Value::Variable(id, Some(fallback)) => format!("${} ?? {fallback}", id.0),
        Value::List(items) => format!("[{}]", items.iter().map(value).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let members: Vec<_> = members.iter().map(|(name, it)| format!("{name}: {}", value(it))).collect();
            format!("{{{}}}", members.join(", "))
        }
    }
}

fn out_type(ty: &OutType) -> (String, Option<OutId>) {
    let mark = |nullable: bool| if nullable { "" } else { "!" };
    match ty {
        OutType::List { of, nullable } => {
            let (of, inner) = out_type(of);
            (format!("[{of}]{}", mark(*nullable)), inner)
        }
        OutType::Object { id, nullable } => (format!("Object{}", mark(*nullable)), Some(*id)),
        OutType::Leaf { leaf, nullable } => {
            let name = match leaf {
                Leaf::Int => "Int".to_owned(),
                Leaf::Float => "Float".to_owned(),
                Leaf::String => "String".to_owned(),
                Leaf::Boolean => "Boolean".to_owned(),
                Leaf::Id => "ID".to_owned(),
                Leaf::Custom(name) => name.clone(),
                Leaf::Enum(values) => {
                    let values = values.iter().map(|(graph, client)| match graph == client {
                        true => graph.clone(),
                        false => format!("{graph}→{client}"),
                    });
                    format!("enum({})", values.collect::<Vec<_>>().join(" "))
                }
            };
            (format!("{name}{}", mark(*nullable)), None)
        }
    }
}
