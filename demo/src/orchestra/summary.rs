//! The summary that is printed once the shop is open.

use std::fmt;
use std::io::Write as _;

use super::layout::{Layout, ProcessName};

/// The body of an example request, for a first try.
const QUERY: &str = r#"{"query":"query { user(id: \"123\") { name orders { total } } }"}"#;

/// The addresses and tokens that the summary shows.
#[derive(Debug)]
pub(super) struct Summary<'a> {
    pub(super) layout: &'a Layout,
    /// The ids of users, each with a token.
    pub(super) tokens: [(&'a str, &'a str); 2],
}

impl Summary<'_> {
    /// Writes the summary to standard output.
    pub(super) fn print(&self) {
        let mut out = std::io::stdout().lock();
        // A closed standard output is no reason to stop serving.
        let _ = out.write_all(self.to_string().as_bytes()).and_then(|()| out.flush());
    }
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\nThe shop is open.\n")?;
        let bffs = || self.layout.processes().iter().filter(|(name, _)| matches!(name, ProcessName::Bff(_)));
        let services = || self.layout.processes().iter().filter(|(name, _)| matches!(name, ProcessName::Service(_)));
        if bffs().next().is_some() {
            f.write_str("\nGraphiQL\n")?;
            bffs().try_for_each(|(name, port)| writeln!(f, "  {name:<10} http://127.0.0.1:{port}/"))?;
            f.write_str("\nGraphQL over HTTP\n")?;
            bffs().try_for_each(|(name, port)| writeln!(f, "  {name:<10} http://127.0.0.1:{port}/graphql"))?;
        }
        f.write_str("\nServices\n")?;
        services().try_for_each(|(name, port)| writeln!(f, "  {name:<10} http://127.0.0.1:{port}"))?;
        f.write_str("\nTokens for 8 hours, sent as `authorization: Bearer TOKEN`\n")?;
        for (user, token) in self.tokens {
            writeln!(f, "  user {user}   {token}")?;
        }
        f.write_str("\nTry\n")?;
        match bffs().next() {
            Some((_, port)) => writeln!(
                f,
                "  curl -s http://127.0.0.1:{port}/graphql -H 'content-type: application/json' -d '{QUERY}'"
            )?,
            None => {
                let users = self.layout.services_base().saturating_add(1);
                writeln!(f, "  curl -s 'http://127.0.0.1:{users}/users?ids=123'")?;
            }
        }
        f.write_str("\nCtrl-C stops everything.\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_where_everything_is() {
        let written = |with_bffs| {
            let layout = Layout::new(4_000, with_bffs);
            Summary { layout: &layout, tokens: [("123", "token-1"), ("456", "token-2")] }.to_string()
        };
        insta::assert_snapshot!(written(true));
        insta::assert_snapshot!(written(false));
    }
}
