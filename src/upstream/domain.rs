//! Batch domains: which calls may be shared.

use crate::compose::WayId;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Exactly those inputs of the caller that a call sends: the claims that it uses and the headers that it forwards.
///
/// Two calls with different scopes never share a call, a cache entry or a flight. Everybody shares
/// [`CredentialScope::Public`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum CredentialScope {
    /// The call sends no input of the caller.
    #[default]
    Public,
    /// The inputs themselves (names and values, each with its length before it). They are not hashed, so equal bytes
    /// mean equal inputs.
    Caller(Arc<[u8]>),
}

/// Everything that must be equal for two keys to share a call: the endpoint, the credential scope, and every resolved
/// input except the list of keys and the set of fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchDomain {
    /// The endpoint, given as one of the graph's ways to get something.
    pub way: WayId,
    /// Every resolved input except the list of keys and the set of fields, as canonical bytes.
    pub inputs: Arc<[u8]>,
    /// The inputs of the caller that the call carries.
    pub scope: CredentialScope,
}

impl Hash for BatchDomain {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.way.hash(state);
        self.inputs.hash(state);
        self.scope.hash(state);
    }
}
