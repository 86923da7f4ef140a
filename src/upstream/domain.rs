//! What may share a call.

use crate::compose::WayId;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A digest of exactly the caller inputs that a call sends: claims used and headers forwarded (DESIGN §4 rule 6).
///
/// Two calls with different scopes never share a call, an entry or a flight. [`CredentialScope::Public`] is shared
/// by everybody.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum CredentialScope {
    /// No caller input is sent.
    #[default]
    Public,
    /// The inputs themselves (names and values, length-prefixed), not a hash of them: equal means equal.
    Caller(Arc<[u8]>),
}

/// What may share a call (DESIGN §7): endpoint, every resolved input except key list and fieldset, credential scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchDomain {
    /// The endpoint, as a way of one graph.
    pub way: WayId,
    /// Every resolved input except the key list and the fieldset, as canonical bytes.
    pub inputs: Arc<[u8]>,
    /// Whose credentials the call carries.
    pub scope: CredentialScope,
}

impl Hash for BatchDomain {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.way.hash(state);
        self.inputs.hash(state);
        self.scope.hash(state);
    }
}
