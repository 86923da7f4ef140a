//! Type definitions and extensions: declarations with the directives that we know.

use super::links::Links;
use super::model::{
    ArgumentDeclaration, FieldDeclaration, Fielded, KeyDeclaration, TypeBody, TypeDeclaration, ValueDeclaration,
};
use super::values::{Reader, directive_argument};
use crate::diagnostic::Finding;
use apollo_compiler::ast::{Definition, Directive, DirectiveList, EnumValueDefinition, FieldDefinition};
use apollo_compiler::ast::{InputValueDefinition, NamedType};
use apollo_compiler::{Name, Node};

/// Directives that say nothing to us, or something to others.
const IGNORED: [&str; 13] = [
    "link",
    "extends",
    "tag",
    "composeDirective",
    "specifiedBy",
    "cost",
    "oneOf",
    "requiresScopes",
    "policy",
    "context",
    "fromContext",
    "core",
    "deprecated",
];

/// Reads types of one file.
pub(crate) struct Types<'r, 'a> {
    /// Values and findings.
    pub(crate) reader: &'r mut Reader<'a>,
    /// Names of directives.
    pub(crate) links: &'r Links,
}

impl Types<'_, '_> {
    /// Reads a definition, if it is of a type.
    pub(crate) fn declaration(&mut self, definition: &Definition) -> Option<TypeDeclaration> {
        let (body, description) = match definition {
            Definition::ObjectTypeDefinition(ty) => {
                (TypeBody::Object(self.fielded(&ty.implements_interfaces, &ty.fields)), ty.description.as_ref())
            }
            Definition::ObjectTypeExtension(ty) => {
                (TypeBody::Object(self.fielded(&ty.implements_interfaces, &ty.fields)), None)
            }
            Definition::InterfaceTypeDefinition(ty) => {
                (TypeBody::Interface(self.fielded(&ty.implements_interfaces, &ty.fields)), ty.description.as_ref())
            }
            Definition::InterfaceTypeExtension(ty) => {
                (TypeBody::Interface(self.fielded(&ty.implements_interfaces, &ty.fields)), None)
            }
            Definition::UnionTypeDefinition(ty) => (self.union(&ty.members), ty.description.as_ref()),
            Definition::UnionTypeExtension(ty) => (self.union(&ty.members), None),
            Definition::EnumTypeDefinition(ty) => (self.values(&ty.values), ty.description.as_ref()),
            Definition::EnumTypeExtension(ty) => (self.values(&ty.values), None),
            Definition::InputObjectTypeDefinition(ty) => {
                (TypeBody::Input(self.arguments(&ty.fields)), ty.description.as_ref())
            }
            Definition::InputObjectTypeExtension(ty) => (TypeBody::Input(self.arguments(&ty.fields)), None),
            Definition::ScalarTypeDefinition(ty) => {
                (TypeBody::Scalar(specified_by(&ty.directives)), ty.description.as_ref())
            }
            Definition::ScalarTypeExtension(ty) => (TypeBody::Scalar(specified_by(&ty.directives)), None),
            _ => return None,
        };
        let name = self.reader.name(definition.name()?);
        let description = description.map(ToString::to_string);
        let mut declaration = TypeDeclaration {
            name,
            description,
            body,
            keys: Vec::new(),
            connects: Vec::new(),
            cache: None,
            is_shareable: false,
            is_inaccessible: false,
            is_authenticated: false,
            is_interface_object: false,
            is_one_of: false,
        };
        for directive in definition.directives().iter() {
            self.type_directive(&mut declaration, directive);
        }
        Some(declaration)
    }

    fn type_directive(&mut self, ty: &mut TypeDeclaration, directive: &Node<Directive>) {
        match self.links.real(&directive.name) {
            "key" => ty.keys.extend(self.key(directive)),
            "connect" => ty.connects.extend(self.reader.connect(directive)),
            "cache" => ty.cache = self.reader.cache(directive),
            "shareable" => ty.is_shareable = true,
            "inaccessible" => ty.is_inaccessible = true,
            "authenticated" => ty.is_authenticated = true,
            "interfaceObject" => ty.is_interface_object = true,
            "oneOf" => ty.is_one_of = true,
            _ => self.unknown(directive),
        }
    }

    fn key(&mut self, directive: &Node<Directive>) -> Option<KeyDeclaration> {
        let span = self.reader.span(directive.location());
        let fields = self.reader.required(directive, "fields", span)?;
        let fields = self.reader.field_set(fields)?;
        let resolvable = directive_argument(directive, "resolvable").and_then(|value| value.to_bool());
        Some(KeyDeclaration { fields, is_resolvable: resolvable.unwrap_or(true) })
    }

    fn fielded(&mut self, implements: &[Name], fields: &[Node<FieldDefinition>]) -> Fielded {
        Fielded {
            implements: implements.iter().map(|name| self.reader.name(name)).collect(),
            fields: fields.iter().map(|field| self.field(field)).collect(),
        }
    }

    fn field(&mut self, field: &Node<FieldDefinition>) -> FieldDeclaration {
        let mut declaration = FieldDeclaration {
            name: self.reader.name(&field.name),
            ty: field.ty.clone(),
            arguments: self.arguments(&field.arguments),
            description: field.description.as_ref().map(ToString::to_string),
            deprecated: deprecated(&field.directives),
            connects: Vec::new(),
            is_bound: false,
            cache: None,
            invalidates: Vec::new(),
            poll: None,
            assumed_size: None,
            requires: None,
            provides: None,
            is_external: false,
            is_shareable: false,
            is_inaccessible: false,
            is_authenticated: false,
            overrides: None,
        };
        for directive in field.directives.iter() {
            self.field_directive(&mut declaration, directive);
        }
        declaration
    }

    fn field_directive(&mut self, field: &mut FieldDeclaration, directive: &Node<Directive>) {
        let argument = |name: &str| directive_argument(directive, name);
        match self.links.real(&directive.name) {
            "connect" => {
                field.is_bound = true;
                field.connects.extend(self.reader.connect(directive));
            }
            "cache" => field.cache = self.reader.cache(directive),
            "invalidates" => {
                let tags = argument("tags").map(|value| self.reader.texts(value));
                field.invalidates.extend(tags.unwrap_or_default());
            }
            "poll" => field.poll = argument("every").and_then(|value| self.reader.text(value)),
            "listSize" => {
                let size = argument("assumedSize").and_then(|value| self.reader.count(value));
                field.assumed_size = size.map(|size| u64::from(size.value));
            }
            "requires" => field.requires = argument("fields").and_then(|value| self.reader.field_set(value)),
            "provides" => field.provides = argument("fields").and_then(|value| self.reader.field_set(value)),
            "override" => field.overrides = argument("from").and_then(|value| self.reader.text(value)),
            "external" => field.is_external = true,
            "shareable" => field.is_shareable = true,
            "inaccessible" => field.is_inaccessible = true,
            "authenticated" => field.is_authenticated = true,
            _ => self.unknown(directive),
        }
    }

    fn arguments(&mut self, arguments: &[Node<InputValueDefinition>]) -> Vec<ArgumentDeclaration> {
        let read = |argument: &Node<InputValueDefinition>| ArgumentDeclaration {
            name: self.reader.name(&argument.name),
            ty: (*argument.ty).clone(),
            default: argument.default_value.as_ref().map(|value| (**value).clone()),
            description: argument.description.as_ref().map(ToString::to_string),
            deprecated: deprecated(&argument.directives),
            is_inaccessible: self.has(&argument.directives, "inaccessible"),
        };
        arguments.iter().map(read).collect()
    }

    fn values(&self, values: &[Node<EnumValueDefinition>]) -> TypeBody {
        let read = |value: &Node<EnumValueDefinition>| ValueDeclaration {
            name: self.reader.name(&value.value),
            description: value.description.as_ref().map(ToString::to_string),
            deprecated: deprecated(&value.directives),
            is_inaccessible: self.has(&value.directives, "inaccessible"),
        };
        TypeBody::Enum(values.iter().map(read).collect())
    }

    fn union(&self, members: &[NamedType]) -> TypeBody {
        TypeBody::Union(members.iter().map(|name| self.reader.name(name)).collect())
    }

    fn has(&self, directives: &DirectiveList, name: &str) -> bool {
        directives.iter().any(|directive| self.links.real(&directive.name) == name)
    }

    /// A misspelt directive would change what a file means, so files with bindings hold known ones only.
    fn unknown(&mut self, directive: &Node<Directive>) {
        let real = self.links.real(&directive.name);
        if self.links.is_bound && !IGNORED.contains(&real) {
            let span = self.reader.span(directive.location());
            let message = format!("`@{}` is not known here", directive.name);
            self.reader.find(Finding::new("C008", message, span, "not known").help("remove it, or mend its name"));
        }
    }
}

fn deprecated(directives: &DirectiveList) -> Option<String> {
    let directive = directives.get("deprecated")?;
    let reason = directive_argument(directive, "reason").and_then(|value| value.as_str());
    Some(reason.unwrap_or("No longer supported").to_owned())
}

fn specified_by(directives: &DirectiveList) -> Option<String> {
    let directive = directives.get("specifiedBy")?;
    directive_argument(directive, "url").and_then(|value| value.as_str()).map(str::to_owned)
}
