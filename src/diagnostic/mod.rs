//! Findings about text: what is wrong, where, and what to do.
//!
//! In: the files of a project, as text. Out: [`Finding`]s with spans into those files, and
//! texts of them: a line each ([`one_line`]), or drawn (`draw`, behind the feature `cli`).
//! Elsewhere: run-time errors ([`crate::execute`]).
//!
//! Always true:
//! - a span's offsets are bytes of the file it names, start ≤ end ≤ the file's length;
//! - a code, once given, keeps its meaning;
//! - a finding that is written or drawn shows no user or password of a URL ([`without_credentials`]).

mod code;
mod credentials;
#[cfg(feature = "cli")]
mod draw;
mod explain;
mod finding;
mod line;
mod source;

pub use code::Code;
pub use credentials::without_credentials;
#[cfg(feature = "cli")]
pub use draw::{DrawStyle, draw};
pub use explain::{explain, page, pointer};
pub use finding::{Finding, Label, Severity};
pub use line::one_line;
pub use source::{FileId, Sources, Span};
