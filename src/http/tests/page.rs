//! GraphiQL, its files and its configuration.
