//! Whether each directive is enforced, harmless or refused, by its location and the kind of file.

use super::place::{FileKind, Location};
use super::table::Directive;

/// What happens with a directive at a place where its specification allows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Support {
    /// The directive is enforced.
    Enforced,
    /// The directive promises nothing here, so there is nothing to enforce.
    Harmless,
    /// The directive is an error. The text says what to do instead.
    Refused(&'static str),
}

use Support::{Enforced, Harmless, Refused};

const SERVICES_SAY: &str = "write it in the SDL of the service that owns the field or type";
const OBJECTS_SAY: &str = "write it on the fields of the objects that implement the interface";
const NOT_BOUND: &str = "only services that are bound by `@connect` have it; remove it";

impl Directive {
    /// What happens with the directive at a location that its definition lists.
    pub(crate) fn support(self, at: Location, file: FileKind) -> Support {
        let is_rest = file == FileKind::Rest;
        let is_bound = |is_there: bool| if is_there { Enforced } else { Refused(NOT_BOUND) };
        match self {
            Self::Deprecated | Self::SpecifiedBy | Self::OneOf | Self::Link => Enforced,
            // The operation room reads them.
            Self::Skip | Self::Include | Self::Defer => Enforced,
            Self::View | Self::From => match file {
                FileKind::Client => Enforced,
                _ => Refused("it belongs to client schemas; remove it"),
            },
            Self::Source => match file {
                FileKind::Client => Refused("it belongs to the SDL of services"),
                FileKind::GraphQl => Refused(NOT_BOUND),
                FileKind::Rest | FileKind::InProcess => Enforced,
            },
            Self::Connect | Self::Cache | Self::Invalidates | Self::Poll => match file {
                FileKind::Client => Refused("it belongs to the SDL of services"),
                _ => is_bound(is_rest),
            },
            _ if file == FileKind::Client => match self {
                Self::Key => Refused("a client's schema is not served as a subgraph yet; remove it"),
                _ => Refused(SERVICES_SAY),
            },
            Self::Key => match (at, file) {
                // An offer to be asked by interface, which nobody takes up: objects are asked for by their own keys.
                (Location::Interface, FileKind::Rest) => {
                    Refused("write it on each object that implements the interface")
                }
                (Location::Interface, _) => Harmless,
                _ => Enforced,
            },
            Self::Requires | Self::Provides if at == Location::InterfaceField => Refused(OBJECTS_SAY),
            Self::Requires if is_rest => Refused("read the field in the binding instead: `$this.…` or `$batch.…`"),
            Self::Provides if is_rest => Refused("select the fields in the binding's `selection:` instead"),
            Self::Requires | Self::Provides => Enforced,
            Self::External | Self::Override if at == Location::InterfaceField => Refused(OBJECTS_SAY),
            Self::External | Self::Override => Enforced,
            // What a file extends and what it defines is merged alike.
            Self::Extends => Harmless,
            // A label for other tools.
            Self::Tag => Harmless,
            Self::Shareable if at == Location::InterfaceField => Refused(OBJECTS_SAY),
            Self::Shareable => Enforced,
            Self::Inaccessible | Self::Authenticated => Enforced,
            Self::ComposeDirective => Refused("directives of your own are not passed on to clients; remove it"),
            Self::InterfaceObject => Refused("declare the fields on each type that implements the interface"),
            Self::RequiresScopes | Self::Policy => {
                Refused("nothing would keep a caller out: use `@authenticated`, or let the service itself refuse")
            }
            Self::Context | Self::FromContext => {
                Refused("give the field an argument that the client or a `@requires` fills")
            }
            Self::Cost => Refused("limits count calls and values, not weights; remove it"),
            Self::ListSize if at == Location::InterfaceField => Refused(OBJECTS_SAY),
            Self::ListSize => Enforced,
            Self::CacheTag => Refused("only `@cache(tags:)` of bound services tags cached answers; remove it"),
        }
    }

    /// What happens with an argument of the directive, at a place where the directive itself is enforced.
    pub(crate) fn argument_support(self, argument: &str, at: Location, file: FileKind) -> Support {
        match (self, argument) {
            (Self::Override, "label") => Refused("the field would move at once for everybody; remove `label:`"),
            (Self::From, "default") if !matches!(at, Location::ObjectField | Location::InterfaceField) => {
                Refused("only fields of objects have it; write a default of GraphQL: `name: Type = …`")
            }
            (Self::View, "others") if !matches!(at, Location::Interface | Location::Union | Location::Object) => {
                Refused("only objects, interfaces and unions have other members to drop; remove it")
            }
            (Self::ListSize, "sizedFields") => Refused("write `@listSize` on the field that is the list itself"),
            (Self::Source, "maxCalls" | "pure") if file == FileKind::Rest => {
                Refused("only sources in this process have it; remove it")
            }
            (Self::Source, "openapi" | "http") if file == FileKind::InProcess => {
                Refused("only services that are bound by `@connect` have it; remove it")
            }
            _ => Enforced,
        }
    }
}
